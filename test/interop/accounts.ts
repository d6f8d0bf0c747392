import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type { CliEnd, readRun } from '../support/cli.js';
import { BUSY } from '../support/runs.js';
import type { SeenRow } from './foreign.js';

type Run = ReturnType<typeof readRun>;

/** The flags of a short closed run into the directory `r` whose requests carry their numbers. */
export function shortRun({ users = 4, duration = '1s', think = '10ms' } = {}): readonly string[] {
  return [
    ...['--pattern', 'constant', '--users', String(users), '--duration', duration, '--think-time', think],
    ...['--truth-log', 'ids', '--out', 'r'],
  ];
}

/**
 * Each request of ours is a row of the server, and there is no other: the same number, batch and status, and its times
 * lie within ours, on the one monotonic clock of the machine. Gives the pairs.
 */
export function expectAccounted<Row extends SeenRow>(run: Run, rows: readonly Row[], batchOf: (row: Row) => number) {
  expect(new Set(rows.map(({ ids }) => ids.length))).toEqual(new Set([1]));
  const byId = new Map(rows.map((row) => [Number(row.ids[0]), row]));
  expect(byId.size).toBe(rows.length);
  expect(run.samples.length).toBe(rows.length);
  const zeroUs = Number(run.plan.started_monotonic_ns) / 1000;
  return run.samples.map((sample) => {
    const row = byId.get(Number(sample.seq)) as Row;
    expect(row, `request ${sample.seq}`).toBeDefined();
    expect([sample.batch, sample.status], `request ${sample.seq}`).toEqual([String(batchOf(row)), String(row.status)]);
    // As doubles, nanoseconds since the machine started are exact for 104 days.
    const times = [
      Number(sample.start_us) - 1,
      row.recv_ns / 1000 - zeroUs,
      row.send_ns / 1000 - zeroUs,
      Number(sample.end_us) + 1,
    ];
    expect(times, `request ${sample.seq}`).toEqual([...times].sort((a, b) => a - b));
    return { sample, row };
  });
}

/** The images of the package as a file. */
export const DIGIT_IMAGES = fileURLToPath(new URL('../../datasets/digits-images.idx3-ubyte.gz', import.meta.url));
/** All requests went well. A busy machine may say of itself that it was, and nothing else may be wrong. */
export function expectAllWell(end: CliEnd, { summary, samples }: Run): void {
  expect(end.stderr).not.toContain('error');
  expect(summary.counts).toMatchObject({ ok: samples.length, failed: 0, abandoned: 0 });
  const codes = summary.verdict.reasons.map(({ code }: { code: string }) => code);
  expect(codes.filter((code: string) => !BUSY.includes(code))).toEqual([]);
}

const LABELS = new URL('../../datasets/digits-labels.idx1-ubyte.gz', import.meta.url);
export const PIXELS = 784;

/** The digits of the package, read without its code: float32 0..1, `[784]` each. */
export function digits(): readonly Float32Array[] {
  const bytes = gunzipSync(readFileSync(DIGIT_IMAGES)).subarray(16);
  return Array.from({ length: bytes.length / PIXELS }, (_, index) =>
    Float32Array.from(bytes.subarray(index * PIXELS, (index + 1) * PIXELS), (value) => value / 255),
  );
}

/** What digit each image shows. */
export function digitLabels(): readonly number[] {
  return [...gunzipSync(readFileSync(LABELS)).subarray(8)];
}

/** The digest that the servers write of an image. */
export function digestOf({ buffer, byteOffset, byteLength }: Float32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')
    .slice(0, 16);
}

/** What a foreign client was told by one of our tensor servers. */
export interface Asked {
  readonly state: string;
  readonly input: { readonly datatype: string | number; readonly shape: readonly number[] };
  /** Scores of all images, `[images * 10]`, of a request with raw bytes and of one with typed values. */
  readonly raw: readonly number[];
  readonly typed: readonly number[];
  /** How a model was refused that there is not. */
  readonly unknown: { readonly code: string; readonly details: string };
}

/** Scores `[images * 10]` that are probabilities and mostly highest at the digit that the image shows. */
export function expectGoodScores(scores: readonly number[]): void {
  const labels = digitLabels();
  expect(scores.length).toBe(labels.length * 10);
  let right = 0;
  for (const [index, label] of labels.entries()) {
    const row = scores.slice(index * 10, (index + 1) * 10);
    expect(row.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 5);
    right += row.indexOf(Math.max(...row)) === label ? 1 : 0;
  }
  expect(right / labels.length).toBeGreaterThan(0.9);
}
