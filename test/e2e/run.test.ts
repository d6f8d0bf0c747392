import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeAnswering, serverOf } from '../support/answering.js';
import { cli, newDirectory, readRows, readRun } from '../support/cli.js';
import { expectSound } from '../support/runs.js';

afterAll(closeAnswering);

/** The wave of 2, 15 and 60 users over T seconds, written anew from the formula of the seed. */
function wave(second: number, length: number): number {
  const w = length / 15;
  return Math.round(13 * Math.exp(-((second / w - 5) ** 2)) + 58 * Math.exp(-((second / w - 10) ** 2)) + 2);
}

describe('the double wave against the embedded server', async () => {
  const cwd = newDirectory();
  const seconds = 30;
  const end = await cli(
    ['run', '--pattern', 'double-wave', '--duration', `${seconds}s`, '--out', 'wave', '--truth-log', 'truth.csv'],
    { cwd },
  );
  const run = readRun(join(cwd, 'wave'));

  it('ends well, without a failure', () => {
    expectSound(end, run);
    expect(run.summary.counts.failed + run.summary.counts.abandoned).toBe(0);
    expect(run.summary.counts.ok).toBeGreaterThan(500);
  });

  it('has as many users at every whole second as the formula, within one', () => {
    const startS = run.plan.started_epoch_us / 1e6;
    const off = Array.from({ length: seconds }, (_, second) => {
      // A tick of the seed is a second; at its middle the change has been made.
      const users = run.rawUsers.findLast(([epochS]) => epochS <= startS + second + 0.5)?.[1] ?? 0;
      return Math.abs(users - wave(second, seconds));
    });
    expect(Math.max(...off)).toBeLessThanOrEqual(1);
    expect(run.rawUsers.some(([, users]) => users === 60)).toBe(true);
    expect(run.rawUsers.at(-1)?.[1]).toBe(0);
  });

  it('agrees with the truth log request by request', () => {
    const truth = new Map(readRows(join(cwd, 'truth.csv')).map((row) => [Number(row.id), row]));
    expect(truth.size).toBe(run.samples.length);
    const zeroNs = BigInt(run.plan.started_monotonic_ns);
    const us = (ns: string | undefined) => Number(BigInt(ns as string) - zeroNs) / 1000;
    for (const sample of run.samples) {
      const seen = truth.get(Number(sample.seq));
      expect(seen, `request ${sample.seq}`).toBeDefined();
      expect([seen?.batch, seen?.status]).toEqual([sample.batch, sample.status]);
      // send <= received <= answered <= end, on the one monotonic clock of the machine.
      const times = [Number(sample.start_us), us(seen?.recv_ns), us(seen?.send_ns), Number(sample.end_us) + 1];
      expect(times, `request ${sample.seq}`).toEqual([...times].sort((a, b) => a - b));
    }
  });

  it('prints a table of at most 80 columns to stdout and progress lines to stderr', () => {
    const lines = end.stdout.split('\n');
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(80);
    expect(end.stdout).toMatch(/^(VALID|SUSPECT) {2}sentiment · double-wave/);
    expect(end.stdout).toMatch(/latency +\S+ +\S+/);
    expect(end.stdout).toContain('wave/');
    expect(end.stdout).not.toContain('\u001b');
    expect(end.stderr.match(/^\d+s\/30s {2}users \d+\/\d+/gm)?.length).toBeGreaterThanOrEqual(5);
    expect(end.stderr).not.toContain('\u001b');
  });

  it('writes every file for its owner only', () => {
    const files = [
      'raw_requests.csv',
      'raw_users.csv',
      'samples.csv',
      'per_second.csv',
      'generator.csv',
      'end.json',
      'histograms.hlog',
      'summary.json',
      'plan.json',
      'spec.yaml',
      'report.md',
      'report.html',
    ];
    expect(readdirSync(join(cwd, 'wave')).sort()).toEqual([...files].sort());
    expect(statSync(join(cwd, 'wave')).mode & 0o777).toBe(0o700);
    for (const file of files) {
      expect(statSync(join(cwd, 'wave', file)).mode & 0o777).toBe(0o600);
    }
  });

  it('gives the same percentiles from the file and from standard input, which agree with the summary', async () => {
    const raw = readFileSync(join(cwd, 'wave', 'raw_requests.csv'), 'utf8');
    const [fromFile, fromStdin] = await Promise.all([
      cli(['percentile', 'wave/raw_requests.csv', '--p', '0.95'], { cwd }),
      cli(['percentile', '--p', '0.95'], { cwd, stdin: raw }),
    ]);
    expect(fromFile.code).toBe(0);
    expect(fromFile.stdout).toBe(fromStdin.stdout);
    const rows = fromFile.stdout
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','));
    expect(rows.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(run.summary.counts.ok);
    // The raw file has whole milliseconds, cut off: up to 1 ms and the histogram's 0.1 % below per_second.csv.
    for (const [epochS, , p95] of rows) {
      const second = run.perSecond.find((row) => row.epoch_s === epochS);
      if (p95 && second?.p95_ms) {
        expect(Math.abs(Number(second.p95_ms) - Number(p95) - 0.5)).toBeLessThanOrEqual(0.51 + Number(p95) / 500);
      }
    }
  });
});

it.concurrent.each<[protocol: string, encoding: readonly string[], endpoint: string, status: string]>([
  ['predict', [], 'predict', '200'],
  ['tf-serving-rest', [], 'predict', '200'],
  ['tf-serving-grpc', ['--encoding', 'raw'], 'predict', '0'],
  ['tf-serving-grpc', ['--encoding', 'typed'], 'predict', '0'],
  ['oip-rest', ['--encoding', 'json'], 'infer', '200'],
  ['oip-rest', ['--encoding', 'binary'], 'infer', '200'],
  ['oip-grpc', ['--encoding', 'raw'], 'infer', '0'],
  ['oip-grpc', ['--encoding', 'typed'], 'infer', '0'],
  ['torchserve', [], 'predictions', '200'],
])('%s %j: a batch of four arrives as four items', async (protocol, encoding, endpoint, status) => {
  const cwd = newDirectory();
  const end = await cli(
    [
      'run',
      '--protocol',
      protocol,
      ...encoding,
      '--batch-size',
      '4',
      '--pattern',
      'constant',
      '--users',
      '3',
      '--duration',
      '2s',
    ].concat(['--think-time', '20ms', '--out', 'r', '--truth-log', 'truth.csv', '--json']),
    { cwd },
  );
  const run = readRun(join(cwd, 'r'));
  expectSound(end, run);
  expect(JSON.parse(end.stdout)).toEqual(run.summary);
  expect(run.summary.counts.failed).toBe(0);
  const truth = readRows(join(cwd, 'truth.csv'));
  expect(truth.length).toBe(run.samples.length);
  expect(new Set(truth.map((row) => `${row.batch} ${row.status}`))).toEqual(new Set([`4 ${status}`]));
  expect(new Set(run.samples.map((row) => `${row.batch} ${row.status} ${row.endpoint}`))).toEqual(
    new Set([`4 ${status} ${endpoint}`]),
  );
  // A connection of its own for each user, used again and again.
  expect(run.summary.connections.fresh).toBe(3);
});

describe('the same seed', () => {
  it('sends the same requests in the same order', async () => {
    const requests = async (seed: string) => {
      const urls: string[] = [];
      const url = await serverOf((request, response) => {
        urls.push(request.url as string);
        response.end('{"joy":1}');
      });
      await cli([
        'run',
        url,
        '--pattern',
        'constant',
        '--users',
        '1',
        '--duration',
        '1s',
        '--think-time',
        '0',
        '--seed',
        seed,
      ]);
      return urls;
    };
    const [one, again, other] = await Promise.all([requests('1'), requests('1'), requests('2')]);
    // As many as a machine that is busy elsewhere sends in a second.
    const compared = Math.min(one.length, again.length, other.length);
    expect(compared).toBeGreaterThanOrEqual(3);
    expect(again.slice(0, compared)).toEqual(one.slice(0, compared));
    expect(other.slice(0, compared)).not.toEqual(one.slice(0, compared));
  });
});

it('a header is sent with every request and its value is in no file and on no stream', async () => {
  const seen: (string | undefined)[] = [];
  const url = await serverOf((request, response) => {
    seen.push(request.headers.authorization);
    // A server that tells what it got, in its body and its status line.
    response.writeHead(200).end(`{"joy":"${request.headers.authorization}"}`);
  });
  const cwd = newDirectory();
  writeFileSync(join(cwd, 'headers'), 'Authorization: Bearer canary-8d1f\n');
  const end = await cli(
    [
      'run',
      url,
      '--pattern',
      'constant',
      '--users',
      '1',
      '--duration',
      '1s',
      '--out',
      'r',
      '--header-file',
      'headers',
      '--check',
      'none',
    ],
    { cwd },
  );
  expect(end.code).toBe(0);
  expect(new Set(seen)).toEqual(new Set(['Bearer canary-8d1f']));
  const written = readdirSync(join(cwd, 'r')).map((name) => readFileSync(join(cwd, 'r', name), 'utf8'));
  expect([...written, end.stdout, end.stderr].join()).not.toContain('canary');
});
