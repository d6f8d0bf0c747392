/** Run directories of hours, made in a minute: what reads them can be measured without sending ten million requests. */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { normal, random } from '../../src/random.js';
import { PHASES } from '../../src/samples/outcomes.js';
import { originCode, outcomeCode, type SampleBlock, sampleBlock } from '../../src/samples/sample.js';
import { samplesSink } from '../../src/samples/samples-file.js';
import type { EndRecord, PlannedRecord } from '../../src/spec/run-record.js';
import { US_PER_S } from '../../src/units.js';

const BLOCK_ROWS = 16_384;
const MEASURE = PHASES.indexOf('measure');
/** Median and sigma of the service times, µs; a stall of a second every ten minutes; failures. */
const [MEDIAN_US, SIGMA, STALL_EVERY_S, FAILURE_RATIO] = [20_000, 0.4, 600, 0.001];

export interface LongRun {
  readonly seconds: number;
  readonly requestsPerS: number;
}

interface Plan {
  readonly started_epoch_us: number;
  readonly report: PlannedRecord;
}

/**
 * Makes of the directory of a short open run that of a long one: the same plan but for its length, rows with log-normal
 * service times that swell and stall, in the order of the schedule, and the seconds of the generator. Returns the rows.
 */
export function stretchRun(directory: string, { seconds, requestsPerS }: LongRun): number {
  const read = <T>(name: string) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as T;
  const write = (name: string, value: unknown) => writeFileSync(join(directory, name), `${JSON.stringify(value)}\n`);
  const plan = read<Plan>('plan.json');
  const rows = seconds * requestsPerS;
  const durationUs = seconds * US_PER_S;
  const { report } = plan;
  const run = { ...report.run, duration_s: seconds, rate_max_per_s: requestsPerS };
  write('plan.json', { ...plan, report: { ...report, run, duration_us: durationUs } });
  write('end.json', {
    ...read<EndRecord>('end.json'),
    rows,
    issued: rows,
    window_us: { from_us: 0, to_us: durationUs },
    cpu_ms: seconds * 200,
  });
  const samples = join(directory, 'samples.csv');
  rmSync(samples);
  // Nothing that is measured reads it, and it would contradict the rest.
  rmSync(join(directory, 'raw_requests.csv'));
  writeSamples(samples, report.endpoints, rows, US_PER_S / requestsPerS);
  writeSeconds(directory, Math.floor(plan.started_epoch_us / US_PER_S), seconds);
  return rows;
}

function writeSamples(path: string, endpoints: readonly string[], rows: number, gapUs: number): void {
  const sink = samplesSink(path, endpoints);
  const source = random(1, 'service');
  const block = sampleBlock(BLOCK_ROWS);
  for (let seq = 0; seq < rows; seq++) {
    const intendedUs = Math.round(seq * gapUs);
    const swell = 1 + 0.5 * Math.sin((2 * Math.PI * seq) / rows);
    const stallUs = US_PER_S - (intendedUs % (STALL_EVERY_S * US_PER_S));
    const serviceUs = MEDIAN_US * swell * Math.exp(SIGMA * normal(source)) + Math.max(0, stallUs);
    put(block, seq, intendedUs, Math.round(serviceUs), source.unit() < FAILURE_RATIO);
    if (block.length === block.capacity) {
      sink.rows(block);
      block.length = 0;
    }
  }
  sink.rows(block);
  sink.close();
}

function put(block: SampleBlock, seq: number, intendedUs: number, serviceUs: number, failed: boolean): void {
  const row = block.length++;
  const startUs = intendedUs + 12 + (seq % 40);
  block.seq[row] = seq;
  block.user[row] = seq % 64;
  block.worker[row] = 0;
  block.phase[row] = MEASURE;
  block.endpoint[row] = 0;
  block.intendedUs[row] = intendedUs;
  block.startUs[row] = startUs;
  block.firstByteUs[row] = startUs + serviceUs - 30;
  block.endUs[row] = startUs + serviceUs;
  block.outcome[row] = outcomeCode(failed ? 'http_5xx' : 'ok');
  block.origin[row] = originCode(failed ? 'target' : undefined);
  block.status[row] = failed ? 503 : 200;
  block.batch[row] = 1;
  block.bytesOut[row] = 0;
  block.bytesIn[row] = 97;
  block.reused[row] = 1;
  block.cache[row] = -1;
  block.tokensOut[row] = -1;
  block.firstTokenUs[row] = Number.NaN;
  block.lastTokenUs[row] = Number.NaN;
  block.chunks[row] = -1;
  block.paused[row] = 0;
}

/** Users and the state of the generator, a line a second each; the head of the latter is that of the short run. */
function writeSeconds(directory: string, firstS: number, seconds: number): void {
  const path = join(directory, 'generator.csv');
  const [head = '', line = ''] = readFileSync(path, 'utf8').split('\n');
  const state = line.slice(line.indexOf(','));
  const generator = openSync(path, 'w');
  const users = openSync(join(directory, 'raw_users.csv'), 'w');
  writeSync(generator, `${head}\n`);
  for (let second = 0; second <= seconds; second++) {
    writeSync(generator, `${firstS + second}${state}\n`);
    writeSync(users, `${firstS + second}.500000,${20 + (second % 9)}\n`);
  }
  closeSync(generator);
  closeSync(users);
}
