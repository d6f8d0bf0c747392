import { ORIGINS, type Origin, OUTCOMES, type Outcome, PHASES, type Phase } from './outcomes.js';

/** One planned request. Times are whole µs from the run's start; absent values are undefined. */
export interface Sample {
  readonly seq: number;
  /** Index of the user who sent it. */
  readonly user: number;
  readonly worker: number;
  readonly phase: Phase;
  readonly intendedUs: number;
  readonly startUs: number | undefined;
  readonly firstByteUs: number | undefined;
  readonly endUs: number | undefined;
  readonly outcome: Outcome;
  readonly origin: Origin | undefined;
  /** HTTP status or gRPC code. */
  readonly status: number | undefined;
  readonly batch: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly reused: boolean | undefined;
}

/**
 * Samples as columns: what the loop writes and sinks read, a block at a time. NaN or −1 stands for absent; words are
 * indexes into their lists.
 */
export interface SampleBlock {
  length: number;
  readonly capacity: number;
  readonly seq: Float64Array;
  readonly user: Int32Array;
  readonly worker: Uint16Array;
  readonly phase: Uint8Array;
  readonly intendedUs: Float64Array;
  readonly startUs: Float64Array;
  readonly firstByteUs: Float64Array;
  readonly endUs: Float64Array;
  readonly outcome: Uint8Array;
  readonly origin: Int8Array;
  readonly status: Int32Array;
  readonly batch: Int32Array;
  readonly bytesOut: Float64Array;
  readonly bytesIn: Float64Array;
  readonly reused: Int8Array;
}

export function sampleBlock(capacity: number): SampleBlock {
  return {
    length: 0,
    capacity,
    seq: new Float64Array(capacity),
    user: new Int32Array(capacity),
    worker: new Uint16Array(capacity),
    phase: new Uint8Array(capacity),
    intendedUs: new Float64Array(capacity),
    startUs: new Float64Array(capacity),
    firstByteUs: new Float64Array(capacity),
    endUs: new Float64Array(capacity),
    outcome: new Uint8Array(capacity),
    origin: new Int8Array(capacity),
    status: new Int32Array(capacity),
    batch: new Int32Array(capacity),
    bytesOut: new Float64Array(capacity),
    bytesIn: new Float64Array(capacity),
    reused: new Int8Array(capacity),
  };
}

const OUTCOME_INDEX = new Map(OUTCOMES.map((outcome, index) => [outcome, index]));

/** Adds a row to a block that has room. */
export function appendSample(block: SampleBlock, sample: Sample): void {
  const row = block.length++;
  block.seq[row] = sample.seq;
  block.user[row] = sample.user;
  block.worker[row] = sample.worker;
  block.phase[row] = PHASES.indexOf(sample.phase);
  block.intendedUs[row] = sample.intendedUs;
  block.startUs[row] = sample.startUs ?? Number.NaN;
  block.firstByteUs[row] = sample.firstByteUs ?? Number.NaN;
  block.endUs[row] = sample.endUs ?? Number.NaN;
  block.outcome[row] = OUTCOME_INDEX.get(sample.outcome) as number;
  block.origin[row] = sample.origin === undefined ? -1 : ORIGINS.indexOf(sample.origin);
  block.status[row] = sample.status ?? -1;
  block.batch[row] = sample.batch;
  block.bytesOut[row] = sample.bytesOut;
  block.bytesIn[row] = sample.bytesIn;
  block.reused[row] = sample.reused === undefined ? -1 : Number(sample.reused);
}

/** The row at an index of a block, as an object. */
export function sampleAt(block: SampleBlock, row: number): Sample {
  return {
    seq: block.seq[row] as number,
    user: block.user[row] as number,
    worker: block.worker[row] as number,
    phase: PHASES[block.phase[row] as number] as Phase,
    intendedUs: block.intendedUs[row] as number,
    startUs: present(block.startUs[row] as number),
    firstByteUs: present(block.firstByteUs[row] as number),
    endUs: present(block.endUs[row] as number),
    outcome: OUTCOMES[block.outcome[row] as number] as Outcome,
    origin: ORIGINS[block.origin[row] as number],
    status: notNegative(block.status[row] as number),
    batch: block.batch[row] as number,
    bytesOut: block.bytesOut[row] as number,
    bytesIn: block.bytesIn[row] as number,
    reused: block.reused[row] === -1 ? undefined : block.reused[row] === 1,
  };
}

function present(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}

function notNegative(value: number): number | undefined {
  return value < 0 ? undefined : value;
}
