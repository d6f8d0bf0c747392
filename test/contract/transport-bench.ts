import { expect, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { WireRequest } from '../../src/protocols/protocol.js';
import type { Origin, Outcome } from '../../src/samples/outcomes.js';
import type { Completion, Target, Transport, TransportOptions } from '../../src/transports/transport.js';
import { sleep } from '../support/servers.js';

/** A transport under test. */
export interface LaneUnderTest {
  readonly create: (options: TransportOptions) => Transport;
  /** Cases, by their id, that a library underneath cannot get right, with what it says instead. The wire lanes have none. */
  readonly limits?: Readonly<Record<string, Expected & { readonly why: string }>>;
}

export interface Expected {
  readonly outcome: Outcome | readonly Outcome[];
  readonly origin?: Origin;
  readonly status?: number;
}

export interface SendOptions {
  readonly method?: WireRequest['method'];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | null;
  readonly connection?: number;
  readonly seq?: number;
  readonly timeoutMs?: number;
  readonly stream?: boolean;
}

export interface Sent {
  readonly deadlineUs: number;
  readonly completion: Completion;
}

export interface Lanes {
  readonly transport: Transport;
  /** Sends and waits for the completion. */
  send(path: string, options?: SendOptions): Promise<Completion>;
  /** The same, with the deadline that was asked for. */
  timed(path: string, options?: SendOptions): Promise<Sent>;
  /** Sends and does not wait; the completion goes to `done`. */
  start(path: string, options: SendOptions, done: (completion: Completion) => void): number;
}

/** Deadlines may be kept this late on a machine that is busy with other things. */
const LATE_US = 2_000_000;
const EARLY_US = 1_000;

/**
 * Makes transports and watches what every one of them has to do: no throw, no callback before `send` returned, and not
 * more than one callback for each.
 */
export function bench(lane: LaneUnderTest) {
  const clock = systemClock();
  const transports = new Set<Transport>();
  const broken: string[] = [];

  return {
    clock,
    /** A transport to a target. */
    open(target: Target, options: Partial<Omit<TransportOptions, 'target' | 'clock'>> = {}): Lanes {
      const transport = lane.create({
        headers: {},
        requestIds: false,
        maxConnections: 1_000,
        ...options,
        target,
        clock,
      });
      transports.add(transport);

      function start(path: string, options: SendOptions, done: (completion: Completion) => void): number {
        const { method, headers = {}, body = null, connection = 0, seq = 0, timeoutMs = 10_000, stream } = options;
        const request: WireRequest = {
          method: method ?? (body ? 'POST' : 'GET'),
          path,
          headers,
          body,
          batch: 1,
          ...(stream && { stream }),
        };
        const deadlineUs = clock.nowUs() + timeoutMs * 1000;
        // A slip that its owner uses again: nothing may be read from it later.
        const slip = { seq, connection, deadlineUs };
        let returned = false;
        let calls = 0;
        try {
          transport.send(request, slip, (completion) => {
            if (!returned) {
              broken.push(`${path}: called back before send returned`);
            }
            if (++calls > 1) {
              broken.push(`${path}: completion ${calls} is ${completion.outcome}`);
              return;
            }
            done(copyOf(completion));
          });
        } catch (error) {
          broken.push(`${path}: send threw ${error}`);
        }
        Object.assign(slip, { seq: -1, connection: -1, deadlineUs: -1 });
        returned = true;
        return deadlineUs;
      }

      const timed = (path: string, options: SendOptions = {}) =>
        new Promise<Sent>((resolve) => {
          let deadlineUs = 0;
          deadlineUs = start(path, options, (completion) => resolve({ deadlineUs, completion }));
        });
      return { transport, start, timed, send: async (path, options) => (await timed(path, options)).completion };
    },
    /** Closes all transports and tells what they did that they must not. */
    async end(): Promise<void> {
      await Promise.all([...transports].map((transport) => transport.close()));
      transports.clear();
      await sleep(10);
      expect(broken.splice(0)).toEqual([]);
    },
  };
}

/** Checks what all completions have in common. */
export function expectSound(completion: Completion): void {
  const { outcome, origin, startUs, firstByteUs = startUs, endUs, bytesIn, response } = completion;
  expect(startUs).toBeLessThanOrEqual(firstByteUs);
  expect(firstByteUs).toBeLessThanOrEqual(endUs);
  expect(bytesIn).toBeGreaterThanOrEqual(0);
  expect(outcome === 'ok', `${outcome} has an origin`).toBe(origin === undefined);
  expect(response !== undefined, `${outcome} has a response`).toBe(outcome === 'ok');
}

/** Checks how a request ended, and that the rest of the completion goes with it. */
export function expectEnd(completion: Completion, expected: Expected): void {
  expectSound(completion);
  const { outcome, origin, status } = completion;
  const outcomes = typeof expected.outcome === 'string' ? [expected.outcome] : expected.outcome;
  expect(outcomes, JSON.stringify({ ...completion, response: undefined })).toContain(outcome);
  expect({ outcome, origin }).toEqual({ outcome, origin: outcome === 'ok' ? undefined : expected.origin });
  if (expected.status !== undefined) {
    expect(status).toBe(expected.status);
  }
}

/** Checks that a request ended by its deadline: not early, and not much later. */
export function expectOnTime({ deadlineUs, completion }: Sent): void {
  expect(completion.endUs).toBeGreaterThanOrEqual(deadlineUs - EARLY_US);
  expect(completion.endUs).toBeLessThanOrEqual(deadlineUs + LATE_US);
}

/** Seeded random numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What nobody catches while something runs; it does not count against the test. */
export async function uncaughtDuring(act: () => Promise<unknown>): Promise<unknown[]> {
  const others = process.listeners('uncaughtException');
  const uncaught: unknown[] = [];
  const listener = (error: unknown) => void uncaught.push(error);
  process.removeAllListeners('uncaughtException').on('uncaughtException', listener);
  try {
    await act();
    await sleep(20);
  } finally {
    process.off('uncaughtException', listener);
    for (const other of others) {
      process.on('uncaughtException', other);
    }
  }
  return uncaught;
}

/** Runs something during which the wall clock is an hour ahead. */
export async function withWallClockAhead<Result>(act: () => Promise<Result>): Promise<Result> {
  const now = Date.now;
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
  try {
    return await act();
  } finally {
    spy.mockRestore();
  }
}

/** Sockets of this process that are still being opened. */
export function connecting(): number {
  return process.getActiveResourcesInfo().filter((resource) => /connectwrap/i.test(resource)).length;
}

/** A completion that outlives the call that handed it over. */
function copyOf(completion: Completion): Completion {
  const { response } = completion;
  return { ...completion, response: response && { ...response, body: Buffer.from(response.body) } };
}
