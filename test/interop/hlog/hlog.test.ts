import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { random } from '../../../src/random.js';
import { histogramsHlog } from '../../../src/reports/histograms-hlog.js';
import { resultsOn, STARTED_EPOCH_S } from '../../support/results.js';
import { sample } from '../../support/samples.js';
import { describeWithTool } from '../../support/tools.js';

const READER = fileURLToPath(new URL('ReadHlog.java', import.meta.url));
/** Where Debian's libhdrhistogram-java has it. */
const JAR = '/usr/share/java/hdrhistogram.jar';

const ENDPOINTS = ['predict', 'health check, slow'];

/** 30 s of requests to two endpoints, answered after a millisecond to some seconds: the last seconds have few of them. */
function samples() {
  const { unit } = random(7, 'service');
  return Array.from({ length: 6000 }, (_, seq) => {
    const startUs = seq * 5_000;
    const tookUs = Math.round(1_000 * Math.exp(8 * unit() ** 3));
    return sample({
      seq,
      endpoint: seq % 2,
      intendedUs: startUs,
      startUs: startUs + 300,
      endUs: startUs + 300 + tookUs,
    });
  });
}

/** Sorted durations by tag and second, from the samples themselves. */
function exactly(of: ReturnType<typeof samples>): ReadonlyMap<string, readonly number[]> {
  const intervals = new Map<string, number[]>();
  for (const { endpoint, endUs, intendedUs, startUs } of of) {
    const epochS = STARTED_EPOCH_S + Math.floor((endUs as number) / 1e6);
    const tag = ['predict', 'health_check__slow'][endpoint];
    for (const [metric, sinceUs] of [
      ['latency', intendedUs],
      ['service', startUs as number],
    ] as const) {
      const key = `${tag}.${metric} ${epochS * 1000}`;
      intervals.set(key, [...(intervals.get(key) ?? []), (endUs as number) - sinceUs]);
    }
  }
  for (const values of intervals.values()) {
    values.sort((a, b) => a - b);
  }
  return intervals;
}

describeWithTool(
  'java',
  "histograms.hlog for Java's HdrHistogram",
  () => {
    it('has the count, p95, p99 and maximum of every interval', () => {
      const taken = samples();
      const path = join(mkdtempSync(join(tmpdir(), 'infer-bench-hlog-')), 'histograms.hlog');
      writeFileSync(path, histogramsHlog(STARTED_EPOCH_S, ENDPOINTS, resultsOn(taken, ENDPOINTS).secondHistograms()));
      const lines = execFileSync('java', ['-cp', JAR, READER, path], { encoding: 'utf8' }).trimEnd().split('\n');
      const expected = exactly(taken);
      expect(lines.length).toBe(expected.size);
      expect(lines.length).toBeGreaterThan(100);
      for (const line of lines) {
        const [tag, startMs, count, ...percentiles] = line.split(' ');
        const values = expected.get(`${tag} ${startMs}`) ?? [];
        expect(Number(count), line).toBe(values.length);
        for (const [index, p] of [0.95, 0.99, 1].entries()) {
          const exactUs = values[Math.ceil(p * values.length - 1e-9) - 1] as number;
          // Three digits, and the reader gives the end of a bucket.
          expect(Math.abs(Number(percentiles[index]) - exactUs), line).toBeLessThanOrEqual(exactUs / 1000 + 1);
        }
      }
    });
  },
  // It compiles the reader: a runtime alone is not enough.
  () => existsSync(JAR) && spawnSync('java', ['--describe-module', 'jdk.compiler']).status === 0,
);
