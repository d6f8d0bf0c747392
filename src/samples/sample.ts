import { ORIGINS, type Origin, OUTCOMES, type Outcome, PHASES, type Phase } from './outcomes.js';

/** One planned request as an object, for those who look at few. Times are whole µs from the run's start; absent values are undefined. */
export interface Sample {
  readonly seq: number;
  /** Index of the user who sent it. */
  readonly user: number;
  readonly worker: number;
  readonly phase: Phase;
  /** Index of the protocol's endpoint that it went to. */
  readonly endpoint: number;
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
  /** What the server said of its response cache. */
  readonly cache: 'hit' | 'miss' | undefined;
  /** Tokens that were generated, by the server's own count. */
  readonly tokensOut: number | undefined;
  /** When the first content of a streamed answer came. */
  readonly firstTokenUs: number | undefined;
  /** When the last content of it came. */
  readonly lastTokenUs: number | undefined;
  /** Chunks of a streamed answer that had content. */
  readonly chunks: number | undefined;
  /** The thread that sent it stood still for more than 5 ms while it was in flight. */
  readonly paused: boolean;
}

/** The columns of a block and their kind, those with the largest values first so that each starts at a multiple of its size. */
const COLUMNS = {
  seq: Float64Array,
  intendedUs: Float64Array,
  startUs: Float64Array,
  firstByteUs: Float64Array,
  endUs: Float64Array,
  firstTokenUs: Float64Array,
  lastTokenUs: Float64Array,
  bytesOut: Float64Array,
  bytesIn: Float64Array,
  user: Int32Array,
  status: Int32Array,
  batch: Int32Array,
  tokensOut: Int32Array,
  chunks: Int32Array,
  worker: Uint16Array,
  phase: Uint8Array,
  endpoint: Uint8Array,
  outcome: Uint8Array,
  origin: Int8Array,
  reused: Int8Array,
  cache: Int8Array,
  paused: Uint8Array,
} as const;

type Columns = { readonly [Name in keyof typeof COLUMNS]: InstanceType<(typeof COLUMNS)[Name]> };

const COLUMN_NAMES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];

/**
 * Samples as columns: what the loop writes and sinks read, a block at a time. NaN or −1 stands for absent; words are
 * indexes into their lists (`phase`: PHASES, `outcome`: OUTCOMES, `origin`: ORIGINS). All columns lie in one buffer,
 * which moves between threads without being copied.
 */
export interface SampleBlock extends Columns {
  length: number;
  readonly capacity: number;
  readonly buffer: ArrayBuffer;
}

/** An empty block for so many rows. */
export function sampleBlock(capacity: number): SampleBlock {
  const rowBytes = COLUMN_NAMES.reduce((sum, name) => sum + COLUMNS[name].BYTES_PER_ELEMENT, 0);
  return blockOver(new ArrayBuffer(rowBytes * capacity), capacity, 0);
}

/** The block whose columns lie in a buffer that `sampleBlock` made, with its first `length` rows. */
export function blockOver(buffer: ArrayBuffer, capacity: number, length: number): SampleBlock {
  let offset = 0;
  const columns = COLUMN_NAMES.map((name) => {
    const column = new COLUMNS[name](buffer, offset, capacity);
    offset += column.byteLength;
    return [name, column];
  });
  return { length, capacity, buffer, ...(Object.fromEntries(columns) as Columns) };
}

const OUTCOME_CODES: ReadonlyMap<Outcome, number> = new Map(OUTCOMES.map((outcome, index) => [outcome, index]));

/** The index of an outcome in its list. */
export function outcomeCode(outcome: Outcome): number {
  // 'ok' is the first, and nearly all are.
  return outcome === 'ok' ? 0 : (OUTCOME_CODES.get(outcome) as number);
}

/** The index of an origin in its list, −1 for none. */
export function originCode(origin: Origin | undefined): number {
  return origin === undefined ? -1 : ORIGINS.indexOf(origin);
}

/** What a server says of its response cache, by its code in a block; −1 where it says nothing. */
export const CACHE_WORDS = ['miss', 'hit'] as const;

export function cacheCode(cache: 'hit' | 'miss' | undefined): number {
  return cache === undefined ? -1 : CACHE_WORDS.indexOf(cache);
}

/** Copies a row to the end of a block that has room. */
export function copyRow(to: SampleBlock, from: SampleBlock, row: number): void {
  const at = to.length++;
  to.seq[at] = from.seq[row] as number;
  to.user[at] = from.user[row] as number;
  to.worker[at] = from.worker[row] as number;
  to.phase[at] = from.phase[row] as number;
  to.endpoint[at] = from.endpoint[row] as number;
  to.intendedUs[at] = from.intendedUs[row] as number;
  to.startUs[at] = from.startUs[row] as number;
  to.firstByteUs[at] = from.firstByteUs[row] as number;
  to.endUs[at] = from.endUs[row] as number;
  to.outcome[at] = from.outcome[row] as number;
  to.origin[at] = from.origin[row] as number;
  to.status[at] = from.status[row] as number;
  to.batch[at] = from.batch[row] as number;
  to.bytesOut[at] = from.bytesOut[row] as number;
  to.bytesIn[at] = from.bytesIn[row] as number;
  to.reused[at] = from.reused[row] as number;
  to.cache[at] = from.cache[row] as number;
  to.tokensOut[at] = from.tokensOut[row] as number;
  to.firstTokenUs[at] = from.firstTokenUs[row] as number;
  to.lastTokenUs[at] = from.lastTokenUs[row] as number;
  to.chunks[at] = from.chunks[row] as number;
  to.paused[at] = from.paused[row] as number;
}

/** Adds a sample to a block that has room. */
export function appendSample(block: SampleBlock, sample: Sample): void {
  const row = block.length++;
  block.seq[row] = sample.seq;
  block.user[row] = sample.user;
  block.worker[row] = sample.worker;
  block.phase[row] = PHASES.indexOf(sample.phase);
  block.endpoint[row] = sample.endpoint;
  block.intendedUs[row] = sample.intendedUs;
  block.startUs[row] = sample.startUs ?? Number.NaN;
  block.firstByteUs[row] = sample.firstByteUs ?? Number.NaN;
  block.endUs[row] = sample.endUs ?? Number.NaN;
  block.outcome[row] = outcomeCode(sample.outcome);
  block.origin[row] = originCode(sample.origin);
  block.status[row] = sample.status ?? -1;
  block.batch[row] = sample.batch;
  block.bytesOut[row] = sample.bytesOut;
  block.bytesIn[row] = sample.bytesIn;
  block.reused[row] = sample.reused === undefined ? -1 : Number(sample.reused);
  block.cache[row] = cacheCode(sample.cache);
  block.tokensOut[row] = sample.tokensOut ?? -1;
  block.firstTokenUs[row] = sample.firstTokenUs ?? Number.NaN;
  block.lastTokenUs[row] = sample.lastTokenUs ?? Number.NaN;
  block.chunks[row] = sample.chunks ?? -1;
  block.paused[row] = Number(sample.paused);
}

/** The row at an index of a block, as an object. */
export function sampleAt(block: SampleBlock, row: number): Sample {
  return {
    seq: block.seq[row] as number,
    user: block.user[row] as number,
    worker: block.worker[row] as number,
    phase: PHASES[block.phase[row] as number] as Phase,
    endpoint: block.endpoint[row] as number,
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
    cache: CACHE_WORDS[block.cache[row] as number],
    tokensOut: notNegative(block.tokensOut[row] as number),
    firstTokenUs: present(block.firstTokenUs[row] as number),
    lastTokenUs: present(block.lastTokenUs[row] as number),
    chunks: notNegative(block.chunks[row] as number),
    paused: block.paused[row] === 1,
  };
}

function present(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}

function notNegative(value: number): number | undefined {
  return value < 0 ? undefined : value;
}
