import { type Clock, sleepUntil } from '../clock.js';
import { BenchError } from '../errors.js';
import { errorText } from '../protocols/json.js';
import type { Ask, Probe, Questions, Reading, Reply, WireRequest } from '../protocols/protocol.js';
import { safeText } from '../text.js';
import { TRANSPORTS } from '../transports/index.js';
import { reach } from '../transports/reach.js';
import { ANY_CONNECTION, type Target } from '../transports/transport.js';
import { formatDuration, US_PER_MS, US_PER_S } from '../units.js';
import type { Endpoint } from './endpoint.js';
import type { RunSpec } from './run-spec.js';

/** How long a question beside the load may take. */
const ASK_TIMEOUT_US = 10 * US_PER_S;

/** What was read from the answer to a probe, and how it came. */
export interface Asked<Answer> extends Required<Pick<Reply, 'status' | 'spoken'>> {
  readonly reading: Reading<Answer>;
}

/** Where and how a question goes. */
export interface Asking {
  readonly spec: RunSpec;
  readonly target: Target;
  readonly clock: Clock;
  readonly timeoutUs?: number;
  /** A connection that cannot be had is an error in the words for those, and no answer that did not come. */
  readonly mustConnect?: boolean;
}

/**
 * Lets `talk` ask the server on a connection of its own, with the headers and TLS of the load. Throws
 * BenchError('unreachable') when there must be one and is none.
 */
export async function asking<Result>(
  { spec: { protocolKind, headers, tls }, target, clock, timeoutUs = ASK_TIMEOUT_US, mustConnect = false }: Asking,
  talk: (ask: Ask) => Promise<Result>,
): Promise<Result> {
  const createTransport = await TRANSPORTS[protocolKind.via].wire();
  const transport = createTransport({
    target,
    clock,
    // One that is filled from a dataset has no value yet.
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => !value.includes('{{'))),
    requestIds: false,
    maxConnections: 1,
    ...tls,
  });
  const ask = (request: WireRequest) =>
    new Promise<Reply>((resolve) => {
      const slip = { seq: 0, connection: ANY_CONNECTION, deadlineUs: clock.nowUs() + timeoutUs };
      transport.send(request, slip, ({ outcome, status, response, detail }) => {
        const said = errorText(detail ?? '');
        const failure = [outcome, ...(status === undefined ? [] : [`(status ${status})`]), said ?? detail ?? ''];
        resolve({
          status,
          // Its bytes are good during this call only.
          response: response && { ...response, body: Buffer.from(response.body) },
          detail: failure.join(' ').trim(),
          spoken: said !== undefined,
        });
      });
    });
  try {
    if (mustConnect) {
      await transport.open(1);
    }
    return await talk(ask);
  } finally {
    await transport.close();
  }
}

/** Asks one question. */
export function ask<Answer>(probe: Probe<Answer>, context: Asking): Promise<Asked<Answer>> {
  return asking(context, async (send) => {
    const reply = await send(probe.request);
    return { reading: probe.read(reply), status: reply.status, spoken: reply.spoken === true };
  });
}

/** Between two looks at a server that is not ready yet. */
const POLL_US = 250 * US_PER_MS;

export interface WaitOptions {
  readonly spec: RunSpec;
  readonly readiness: Questions['readiness'];
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly limitUs: number;
  /** Gives up waiting. */
  readonly stop: AbortSignal;
}

/**
 * Waits until the server says that it is ready, by its protocol's own rule; refused connections and errors are "not
 * yet". Throws BenchError('unreachable') with its last word when the time is over; undefined when it was stopped.
 */
export async function waitReady(options: WaitOptions): Promise<Target | undefined> {
  const { clock, limitUs, stop, endpoint } = options;
  const untilUs = clock.nowUs() + limitUs;
  while (!stop.aborted) {
    const { target, problem } = await look(options, untilUs);
    if (target) {
      return target;
    }
    if (clock.nowUs() >= untilUs) {
      throw new BenchError(
        'unreachable',
        `Not ready after ${formatDuration(limitUs)}: ${endpoint.url}: ${safeText(problem)}`,
        { hint: 'a longer --wait-ready waits longer; nothing was sent' },
      );
    }
    await sleepUntil(clock, Math.min(untilUs, clock.nowUs() + POLL_US), stop);
  }
  return undefined;
}

type Look =
  | { readonly target: Target; readonly problem?: undefined }
  | { readonly problem: string; readonly target?: undefined };

async function look({ spec, readiness, endpoint, clock }: WaitOptions, untilUs: number): Promise<Look> {
  const leftUs = () => Math.max(US_PER_S, Math.min(ASK_TIMEOUT_US, untilUs - clock.nowUs()));
  let target: Target;
  try {
    target = await reach(endpoint, leftUs());
  } catch (error) {
    if (!(error instanceof BenchError)) {
      throw error;
    }
    return { problem: error.message };
  }
  if (!readiness) {
    return { target };
  }
  const { reading } = await ask(readiness, { spec, target, clock, timeoutUs: leftUs() });
  return reading.problem === undefined ? { target } : { problem: reading.problem };
}
