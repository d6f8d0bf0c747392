import type { Protocol, WireRequest } from '../protocols/protocol.js';
import type { Origin, Outcome, Phase } from '../samples/outcomes.js';
import type { Sample } from '../samples/sample.js';
import type { Completion } from '../transports/transport.js';

/** What both loops do with an answer: check it, and make the row of it. */
export interface ExchangeOptions {
  readonly protocol: Pick<Protocol, 'decode' | 'via'>;
  /** Whether answers are decoded and checked. */
  readonly check: boolean;
  readonly record: (sample: Sample) => void;
  /** Text that explains a failed request. */
  readonly failed?: (outcome: Outcome, detail: string) => void;
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

/** Records how a request ended, its answer checked. */
export function recordEnd(options: ExchangeOptions, asked: Asked, completion: Completion): void {
  // Answers are read before timers fire: one that came too late must not pass because this program was busy.
  if (completion.outcome === 'ok' && completion.endUs > asked.slip.deadlineUs) {
    const outcome = options.protocol.via === 'grpc' ? 'grpc_DEADLINE_EXCEEDED' : 'timeout_total';
    options.record(sampleOf(asked, completion, outcome, 'target'));
    return;
  }
  const { response } = completion;
  const decoded = options.check && response ? options.protocol.decode(response, asked.request.batch) : undefined;
  const bad = decoded !== undefined && decoded.outcome !== 'ok';
  const outcome = bad ? decoded.outcome : completion.outcome;
  const detail = bad ? decoded.detail : completion.detail;
  if (outcome !== 'ok' && detail) {
    options.failed?.(outcome, detail);
  }
  options.record(sampleOf(asked, completion, outcome, bad ? 'target' : completion.origin));
}

/** Records a request that was in flight when the drain ended: it took at least until now. */
export function recordAbandoned(options: ExchangeOptions, asked: Asked, startUs: number, nowUs: number): void {
  const end = { startUs, endUs: nowUs, firstByteUs: undefined, status: undefined, bytesIn: 0, reused: undefined };
  options.record(sampleOf(asked, end, 'abandoned', 'target'));
}

/** Records a request that was due and not sent. */
export function recordUnsent(options: ExchangeOptions, asked: Omit<Asked, 'slip'>, outcome: Outcome): void {
  const end = {
    startUs: undefined,
    endUs: undefined,
    firstByteUs: undefined,
    status: undefined,
    bytesIn: 0,
    reused: undefined,
  };
  options.record(sampleOf(asked, end, outcome, 'local'));
}

type End = Pick<Sample, 'startUs' | 'endUs' | 'firstByteUs' | 'status' | 'bytesIn' | 'reused'>;

function sampleOf(asked: Omit<Asked, 'slip'>, end: End, outcome: Outcome, origin: Origin | undefined): Sample {
  const { request } = asked;
  return {
    seq: asked.seq,
    user: asked.user,
    worker: 0,
    phase: asked.phase,
    intendedUs: Math.floor(asked.intendedUs),
    startUs: end.startUs === undefined ? undefined : Math.floor(end.startUs),
    firstByteUs: end.firstByteUs === undefined ? undefined : Math.floor(end.firstByteUs),
    endUs: end.endUs === undefined ? undefined : Math.floor(end.endUs),
    outcome,
    origin,
    status: end.status,
    batch: request.batch,
    bytesOut: end.startUs === undefined ? 0 : (request.body?.length ?? 0),
    bytesIn: end.bytesIn,
    reused: end.reused,
  };
}
