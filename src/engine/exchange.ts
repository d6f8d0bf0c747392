import type { Decoded, Protocol, WireRequest } from '../protocols/protocol.js';
import type { ChunkGaps } from '../samples/chunk-gaps.js';
import { type Origin, type Outcome, PHASES, type Phase } from '../samples/outcomes.js';
import { cacheCode, originCode, outcomeCode, type SampleBlock } from '../samples/sample.js';
import type { Shard } from '../schedule/shard.js';
import type { Completion } from '../transports/transport.js';

/** What both loops do with an answer: check it, and make the row of it. */
export interface ExchangeOptions {
  /** Which part of the run this loop has: its requests and users are numbered in the whole of it. */
  readonly shard: Shard;
  readonly protocol: Pick<Protocol, 'decode' | 'via'>;
  /** A block with room for the next row. */
  readonly room: () => SampleBlock;
  /** Text that explains a failed request. */
  readonly failed?: (outcome: Outcome, detail: string) => void;
  /** The times between the chunks of a streamed answer. */
  readonly gaps?: (answer: ChunkGaps) => void;
}

/** The part of a row that was known before the answer. */
export interface Asked {
  readonly seq: number;
  readonly user: number;
  readonly phase: Phase;
  readonly intendedUs: number;
  readonly request: WireRequest;
  /** When the answer had to be complete, µs. */
  readonly slip: { readonly deadlineUs: number };
}

/** What a request that was never sent, or never answered, has nothing of. */
const NO_ANSWER = { firstByteUs: undefined, status: undefined, bytesIn: 0, reused: undefined } as const;

/** Records how a request ended, its answer checked. `startUs` is when it left. */
export function recordEnd(options: ExchangeOptions, asked: Asked, completion: Completion, startUs: number): void {
  let { outcome, origin, detail } = completion;
  let decoded: Decoded | undefined;
  // Answers are read before timers fire: one that came too late must not pass because this program was busy.
  if (outcome === 'ok' && completion.endUs > asked.slip.deadlineUs) {
    outcome = options.protocol.via === 'grpc' ? 'grpc_DEADLINE_EXCEEDED' : 'timeout_total';
    origin = 'target';
    detail = undefined;
  } else if (completion.response) {
    decoded = options.protocol.decode(completion.response, asked.request);
    if (decoded.outcome !== 'ok') {
      outcome = decoded.outcome;
      origin = 'target';
      detail = decoded.detail;
    }
  }
  if (outcome !== 'ok' && detail) {
    options.failed?.(outcome, detail);
  }
  if (decoded?.gapsUs !== undefined && decoded.gapsUs.length > 0) {
    options.gaps?.({ phase: asked.phase, endUs: completion.endUs, gapsUs: decoded.gapsUs });
  }
  writeRow(options, asked, startUs, completion.endUs, completion, outcome, origin, decoded);
}

/** Records a request that was in flight when the drain ended: it took at least until now. */
export function recordAbandoned(options: ExchangeOptions, asked: Asked, startUs: number, nowUs: number): void {
  writeRow(options, asked, startUs, nowUs, NO_ANSWER, 'abandoned', 'target');
}

/** Why a request that was due was not sent: over the cap, after a stop, or so late that the run had to end. */
export type UnsentOutcome = Extract<Outcome, 'dropped' | 'not_sent_stopped' | 'not_sent_overrun'>;

/** Records a request that was due and not sent. */
export function recordUnsent(options: ExchangeOptions, asked: Omit<Asked, 'slip'>, outcome: UnsentOutcome): void {
  writeRow(options, asked, Number.NaN, Number.NaN, NO_ANSWER, outcome, 'local');
}

/** What of a row the answer gives. */
type Answered = Pick<Completion, 'firstByteUs' | 'status' | 'bytesIn'> & { readonly reused: boolean | undefined };

function writeRow(
  options: ExchangeOptions,
  asked: Omit<Asked, 'slip'>,
  startUs: number,
  endUs: number,
  answered: Answered,
  outcome: Outcome,
  origin: Origin | undefined,
  decoded?: Decoded,
): void {
  const { worker } = options.shard;
  const { request } = asked;
  const { firstByteUs, reused } = answered;
  const block = options.room();
  const row = block.length++;
  block.seq[row] = asked.seq;
  block.user[row] = asked.user;
  block.worker[row] = worker;
  block.phase[row] = PHASES.indexOf(asked.phase);
  block.endpoint[row] = request.endpoint ?? 0;
  block.intendedUs[row] = Math.floor(asked.intendedUs);
  block.startUs[row] = Math.floor(startUs);
  block.firstByteUs[row] = firstByteUs === undefined ? Number.NaN : Math.floor(firstByteUs);
  block.endUs[row] = Math.floor(endUs);
  block.outcome[row] = outcomeCode(outcome);
  block.origin[row] = originCode(origin);
  block.status[row] = answered.status ?? -1;
  block.batch[row] = request.batch;
  block.bytesOut[row] = Number.isNaN(startUs) ? 0 : (request.body?.length ?? 0);
  block.bytesIn[row] = answered.bytesIn;
  block.reused[row] = reused === undefined ? -1 : reused ? 1 : 0;
  block.cache[row] = cacheCode(decoded?.cache);
  block.tokensOut[row] = decoded?.tokensOut ?? -1;
  block.firstTokenUs[row] = decoded?.firstTokenUs === undefined ? Number.NaN : Math.floor(decoded.firstTokenUs);
  block.lastTokenUs[row] = decoded?.lastTokenUs === undefined ? Number.NaN : Math.floor(decoded.lastTokenUs);
  block.chunks[row] = decoded?.chunks ?? -1;
  block.paused[row] = 0;
}
