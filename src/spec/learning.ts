import type { Clock } from '../clock.js';
import type { Ask, Learned } from '../protocols/protocol.js';
import { TRANSPORTS } from '../transports/index.js';
import type { Target } from '../transports/transport.js';
import { US_PER_S } from '../units.js';
import type { RunSpec } from './run-spec.js';

/** How long the server may take to answer a question before the run. */
const ANSWER_US = 10 * US_PER_S;

/** Whether the server has to be asked before requests can be encoded. */
export function hasToLearn({ protocolKind, protocolSettings }: RunSpec): boolean {
  return protocolKind.learner?.(protocolSettings) !== undefined;
}

/**
 * What the protocol wants to know of the server before the run, asked over a connection of its own. Throws BenchError
 * when it cannot be known.
 */
export async function learn(spec: RunSpec, target: Target, clock: Clock): Promise<Learned | undefined> {
  const { protocolKind, protocolSettings, headers, tls } = spec;
  const learner = protocolKind.learner?.(protocolSettings);
  if (!learner) {
    return undefined;
  }
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
  const ask: Ask = (request) =>
    new Promise((resolve) => {
      transport.send(request, { seq: 0, connection: 0, deadlineUs: clock.nowUs() + ANSWER_US }, (completion) => {
        const { status, response, outcome, detail } = completion;
        resolve({
          status,
          // Its bytes are good during this call only.
          response: response && { ...response, body: Buffer.from(response.body) },
          detail: detail ? `${outcome}: ${detail}` : outcome,
        });
      });
    });
  try {
    return await learner(ask);
  } finally {
    await transport.close();
  }
}
