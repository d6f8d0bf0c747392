import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { cli, newDirectory, readRows, readRun, startCli } from '../support/cli.js';

const closing: (() => void)[] = [];
afterAll(() => {
  for (const close of closing) {
    close();
  }
});

/** A server that answers everything alike; its URL. */
async function serverOf(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** planned = sent + dropped + not sent; sent = ok + failed + abandoned; each row once. */
function expectConservation({ summary, samples, rawRequests, perSecond }: ReturnType<typeof readRun>): void {
  const { planned, sent, dropped, not_sent, ok, failed, abandoned, warmup } = summary.counts;
  expect(planned + warmup).toBe(samples.length);
  expect(planned).toBe(sent + dropped + not_sent);
  expect(sent).toBe(ok + failed + abandoned);
  expect(rawRequests.length).toBe(sent);
  expect(new Set(samples.map(({ seq }) => seq)).size).toBe(samples.length);
  const warmedUp = samples.filter(({ phase, outcome }) => phase === 'warmup' && outcome === 'ok').length;
  const sum = (column: string) => perSecond.reduce((total, row) => total + Number(row[column]), 0);
  expect([sum('planned'), sum('sent'), sum('completed'), sum('ok')]).toEqual([
    planned + warmup,
    sent + warmup,
    sent + warmup,
    ok + warmedUp,
  ]);
  expect(perSecond.at(-1)?.in_flight).toBe('0');
}

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
    expect(end.stderr).not.toContain('error');
    expect(end.code).toBe(0);
    // A busy machine may say of itself that it was.
    expect(run.summary.verdict.reasons.filter(({ code }: { code: string }) => code !== 'client_bound')).toEqual([]);
    expect(run.summary.counts.failed + run.summary.counts.abandoned).toBe(0);
    expect(run.summary.counts.ok).toBeGreaterThan(500);
    expectConservation(run);
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
      'histograms.hlog',
      'summary.json',
      'plan.json',
      'spec.yaml',
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

describe.each<[protocol: string, encoding: readonly string[], endpoint: string, status: string]>([
  ['predict', [], 'predict', '200'],
  ['tf-serving-rest', [], 'predict', '200'],
  ['tf-serving-grpc', ['--encoding', 'raw'], 'predict', '0'],
  ['tf-serving-grpc', ['--encoding', 'typed'], 'predict', '0'],
  ['oip-rest', ['--encoding', 'json'], 'infer', '200'],
  ['oip-rest', ['--encoding', 'binary'], 'infer', '200'],
  ['oip-grpc', ['--encoding', 'raw'], 'infer', '0'],
  ['oip-grpc', ['--encoding', 'typed'], 'infer', '0'],
  ['torchserve', [], 'predictions', '200'],
])('%s %j in batches of four', (protocol, encoding, endpoint, status) => {
  it('arrives as four items', async () => {
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
    expect(end.stderr).not.toContain('error');
    expect(end.code).toBe(0);
    const run = readRun(join(cwd, 'r'));
    expectConservation(run);
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
});

describe('a target that', () => {
  it.each<[string, RequestListener, string]>([
    ['answers 500', (_request, response) => response.writeHead(500).end('{"error":"boom \u001b[31m"}'), 'http_5xx'],
    ['answers garbage', (_request, response) => response.end('<html>'), 'invalid_json'],
    ['answers the wrong thing', (_request, response) => response.end('{"status":"ok"}'), 'schema_mismatch'],
    ['closes the connection', (request) => request.socket.destroy(), 'closed_before_response'],
  ])('%s has no success: exit 4, with the cause', async (_case, answer, outcome) => {
    const cwd = newDirectory();
    const url = await serverOf(answer);
    const end = await cli(
      ['run', url, '--pattern', 'constant', '--users', '2', '--duration', '1s', '--think-time', '100ms', '--out', 'r'],
      { cwd },
    );
    expect(end.code).toBe(4);
    const run = readRun(join(cwd, 'r'));
    expectConservation(run);
    expect(run.summary.verdict.status).toBe('INVALID');
    expect(run.summary.verdict.reasons[0].code).toBe('no_success');
    expect(run.summary.failures[0].outcome).toBe(outcome);
    expect(run.summary.latency).toMatchObject({ n: 0, p95_ms: null });
    expect(end.stdout).toContain(outcome);
    expect(end.stdout).not.toContain('\u001b');
    expect(end.stderr).not.toMatch(/^ {4}at /m);
  });

  it('fails a part is SUSPECT, exit 0', async () => {
    let count = 0;
    const url = await serverOf((_request, response) => {
      response.writeHead(count++ % 2 === 0 ? 200 : 503).end('{"joy":1}');
    });
    const end = await cli(['run', url, '--pattern', 'constant', '--duration', '1s', '--think-time', '50ms', '--json']);
    expect(end.code).toBe(0);
    const { status, reasons } = JSON.parse(end.stdout).verdict;
    expect(status).toBe('SUSPECT');
    expect(reasons.map(({ code }: { code: string }) => code)).toContain('errors');
  });

  it('is slower than the deadline: every request a timeout at its time', async () => {
    const cwd = newDirectory();
    const url = await serverOf(() => {});
    const end = await cli(
      ['run', url, '--pattern', 'constant', '--users', '2', '--duration', '1s', '--timeout', '300ms', '--out', 'r'],
      { cwd },
    );
    expect(end.code).toBe(4);
    const run = readRun(join(cwd, 'r'));
    expect(run.summary.failures).toMatchObject([{ outcome: 'timeout_ttfb', origin: 'target' }]);
    for (const { start_us, end_us } of run.samples) {
      expect(Number(end_us) - Number(start_us)).toBeGreaterThanOrEqual(299_000);
    }
  });

  it('never answers leaves requests to be abandoned at the end of the drain', async () => {
    const cwd = newDirectory();
    const url = await serverOf(() => {});
    const end = await cli(
      ['run', url, '--pattern', 'constant', '--users', '2', '--duration', '1s', '--drain', '200ms', '--out', 'r'],
      { cwd },
    );
    expect(end.code).toBe(4);
    const run = readRun(join(cwd, 'r'));
    expectConservation(run);
    expect(run.summary.counts).toMatchObject({ sent: 2, abandoned: 2 });
  });
});

describe('asked to stop', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)('by %s: sends no more, drains, writes everything, exits %d', async (signal, code) => {
    const cwd = newDirectory();
    const run = startCli(['run', '--pattern', 'constant', '--users', '5', '--think-time', '10ms', '--out', 'r'], {
      cwd,
    });
    await run.stderrHas('5s/2m');
    run.process.kill(signal);
    const end = await run.end;
    expect(end.code).toBe(code);
    expect(end.stdout).toContain('INCONCLUSIVE');
    const files = readRun(join(cwd, 'r'));
    expectConservation(files);
    expect(files.summary.counts.abandoned).toBe(0);
    expect(files.summary.rates.window_s).toBeGreaterThan(4);
    expect(files.summary.rates.window_s).toBeLessThan(60);
  });

  it('twice: leaves at once', async () => {
    const cwd = newDirectory();
    const url = await serverOf(() => {});
    const run = startCli(['run', url, '--pattern', 'constant', '--users', '2', '--timeout', '10m', '--out', 'r'], {
      cwd,
    });
    await run.stderrHas('files: ');
    await new Promise((resolve) => setTimeout(resolve, 500));
    run.process.kill('SIGINT');
    await run.stderrHas('stopping');
    run.process.kill('SIGINT');
    const end = await run.end;
    expect(end.code).toBe(130);
    expect(existsSync(join(cwd, 'r', 'summary.json'))).toBe(false);
  });
});

it('killed in the middle, it has kept all rows but the last moments, and what is there can be read', async () => {
  const cwd = newDirectory();
  const run = startCli(
    ['run', '--pattern', 'constant', '--users', '20', '--think-time', '5ms', '--out', 'r', '--truth-log', 'truth.csv'],
    { cwd },
  );
  await run.stderrHas('5s/2m');
  const killedNs = process.hrtime.bigint();
  run.process.kill('SIGKILL');
  await run.end;
  // The server is told by the end of its input; it writes its log out and goes.
  const truthPath = join(cwd, 'truth.csv');
  let truth = readRows(truthPath);
  for (let before = -1; before !== truth.length; truth = readRows(truthPath)) {
    before = truth.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const samples = readFileSync(join(cwd, 'r', 'samples.csv'), 'utf8')
    .split('\n')
    .slice(1, -1);
  const raw = readFileSync(join(cwd, 'r', 'raw_requests.csv'), 'utf8').split('\n');
  expect(raw.length).toBeGreaterThan(1000);
  expect(Math.abs(samples.length - (raw.length - 1))).toBeLessThanOrEqual(4096);
  // That rows wait at most 100 ms is proved in virtual time; here the bound leaves room for a busy machine.
  const kept = new Set(samples.map((line) => Number(line.split(',')[0])));
  const missing = truth.filter(
    ({ id, send_ns }) => !kept.has(Number(id)) && BigInt(send_ns as string) < killedNs - 2_000_000_000n,
  );
  expect(missing).toEqual([]);

  const read = await cli(['percentile', 'r/raw_requests.csv'], { cwd });
  expect(read.code).toBe(0);
  expect(read.stdout.split('\n').length).toBeGreaterThan(5);
  // A line that was torn in the middle is dropped and counted.
  writeFileSync(join(cwd, 'torn.csv'), raw.slice(0, 100).join('\n').slice(0, -5));
  const torn = await cli(['percentile', 'torn.csv'], { cwd });
  expect([torn.code, torn.stderr.includes('torn')]).toEqual([0, true]);
});

describe('bad input ends with one clear message, the right code and no stack', () => {
  const cwd = newDirectory();
  writeFileSync(join(cwd, 'file'), '');
  writeFileSync(join(cwd, 'empty.csv'), '');
  writeFileSync(join(cwd, 'rows.csv'), '1000,1100,100\n');
  writeFileSync(join(cwd, 'columns.csv'), 'id,question\n1,why\n');
  mkdirSync(join(cwd, 'taken'));
  writeFileSync(join(cwd, 'taken', 'summary.json'), '{}');

  it.each<[readonly string[], number, string]>([
    [['run', '--pattrn', 'step'], 2, 'Unknown flag --pattrn (did you mean --pattern?)'],
    [['run', '--duration', '9999999h'], 2, 'Cannot read --duration: must be at most 744h'],
    [['run', '--users', '100000000'], 2, 'Cannot read --users: must be a whole number from 1 to 60000'],
    [['run', '--header', 'Transfer-Encoding: chunked'], 2, 'must not be a header that frames the message'],
    [['run', '--out', '/proc/infer-bench', '--duration', '1s'], 5, 'Cannot make --out /proc/infer-bench'],
    [
      ['percentile', 'rows.csv', '--out', './rows.csv'],
      2,
      'Cannot write --out ./rows.csv: it is one of the files to read',
    ],
    [['run', '--rate', '5', '--users', '3'], 2, 'Cannot combine --users and --rate'],
    [['run', '--connections', '0'], 2, 'Cannot read --connections: must be a whole number of at least 1'],
    [['run', '--pattern', 'waves'], 2, 'Cannot read --pattern: must be one of'],
    [['run', '--peak-two', '1'], 2, '--peak-two must be >= --min-users'],
    [['run', '--duration', '0s'], 2, 'Cannot read --duration: must be at least 1ms'],
    [['run', '--duration', '-5s'], 2, 'Cannot read --duration: must be a duration'],
    [['run', '--dataset', 'none.csv'], 2, 'Cannot read dataset none.csv: no such file or directory'],
    [['run', '--dataset', 'empty.csv'], 2, 'empty.csv: The dataset is empty'],
    [
      ['run', '--dataset', 'columns.csv', '--column', 'questions'],
      2,
      'columns.csv:1: No column "questions" (did you mean question?): the columns are id, question',
    ],
    [['run', '--dataset', 'taken'], 2, 'Cannot use --dataset taken with --protocol sentiment'],
    [['run', '--data-order', 'repeat'], 2, '--data-order repeat needs --repeat-rate'],
    [['run', '--dataset', 'digits'], 2, 'Cannot use --dataset digits with --protocol sentiment'],
    [['run', 'http://127.0.0.1:1', '--duration', '1s'], 3, 'Cannot reach 127.0.0.1:1: connection refused'],
    [['run', 'http://does-not-exist.invalid', '--duration', '1s'], 3, 'Cannot reach does-not-exist.invalid:80'],
    [['run', '--out', 'taken'], 2, 'Cannot write --out taken: it holds a run already (summary.json)'],
    [
      ['run', '--out', 'file/below', '--duration', '1s'],
      5,
      'Cannot make --out file/below: a part of the path is not a directory',
    ],
    [['run', '--truth-log', 'taken', '--duration', '1s'], 2, 'taken'],
    [['rnu'], 2, 'Unknown command: rnu (did you mean run?)'],
    [['--verbose'], 2, 'Unknown flag before the command: --verbose'],
    [['serve', 'sentimental'], 2, 'sentimental'],
  ])('%j: exit %d', async (words, code, message) => {
    const end = await cli(words, { cwd });
    expect(end.stderr).toContain(message);
    expect(end.code).toBe(code);
    expect(end.stderr).not.toMatch(/^ {4}at /m);
    expect(end.stdout).toBe('');
    expect(existsSync(join(cwd, 'runs'))).toBe(false);
  });

  it('several problems are reported together', async () => {
    const { stderr, code } = await cli(['run', '--pattrn', 'x', '--users', '3x', '--seed', 'x'], { cwd });
    expect(code).toBe(2);
    expect(stderr.match(/^error: /gm)?.length).toBe(3);
  });

  it('--force replaces a run, and that alone', async () => {
    const here = newDirectory();
    const words = ['run', '--pattern', 'constant', '--duration', '1s', '--out', 'r', '--quiet'];
    expect((await cli(words, { cwd: here })).code).toBe(0);
    writeFileSync(join(here, 'r', 'notes.txt'), 'mine');
    expect((await cli(words, { cwd: here })).code).toBe(2);
    const again = await cli([...words, '--force'], { cwd: here });
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(readFileSync(join(here, 'r', 'notes.txt'), 'utf8')).toBe('mine');
  });
});

describe('requests at a rate', () => {
  it.each(['wire', 'library'])('are all sent and recorded, each with its lateness, over the %s lane', async (lane) => {
    const cwd = newDirectory();
    const words = [
      'run',
      '--rate',
      '100',
      '--spacing',
      'poisson',
      '--warmup',
      '500ms',
      '--duration',
      '2s',
      '--out',
      'r',
    ];
    const end = await cli([...words, '--truth-log', 'truth.csv', '--transport', lane], { cwd });
    // A busy machine may be late: it says so, and nothing else may be wrong.
    expect([0, 4]).toContain(end.code);
    const run = readRun(join(cwd, 'r'));
    const measured = run.samples.filter(({ phase }) => phase !== 'warmup');
    expect(run.summary.counts).toMatchObject({ planned: measured.length, ok: measured.length, failed: 0 });
    expect(run.summary.counts.warmup).toBe(run.samples.length - measured.length);
    expect(run.summary.counts.warmup).toBeGreaterThan(10);
    expect(run.plan.schedule).toMatchObject({ model: 'open', arrivals: run.samples.length });
    expect(readRows(join(cwd, 'truth.csv')).length).toBe(run.samples.length);
    expect(run.rawRequests.length).toBe(measured.length);
    for (const { intended_us, start_us } of run.samples) {
      expect(Number(start_us)).toBeGreaterThanOrEqual(Number(intended_us));
    }
    expect(run.summary.lag.n).toBe(measured.length);
    expect(end.stdout).toMatch(/^ *lag +\d/m);
    expect(readRows(join(cwd, 'r', 'generator.csv')).length).toBeGreaterThanOrEqual(2);
  });

  it('come at the same times for a seed', async () => {
    const times = async (seed: string) => {
      const cwd = newDirectory();
      const words = ['run', '--rate', '50', '--spacing', 'gamma:2', '--duration', '1s', '--out', 'r', '--seed', seed];
      await cli(words, { cwd });
      return readRun(join(cwd, 'r'))
        .samples.map(({ seq, intended_us }) => [Number(seq), Number(intended_us)] as const)
        .sort(([a], [b]) => a - b);
    };
    const [one, again, other] = await Promise.all([times('1'), times('1'), times('2')]);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it('above the cap are dropped: the run is INVALID and says why', async () => {
    const cwd = newDirectory();
    const url = await serverOf((_request, response) => void setTimeout(() => response.end('{"joy":1}'), 500));
    const end = await cli(['run', url, '--rate', '50', '--duration', '1s', '--max-in-flight', '5', '--out', 'r'], {
      cwd,
    });
    expect(end.code).toBe(4);
    const { summary } = readRun(join(cwd, 'r'));
    expect(summary.counts.dropped).toBeGreaterThan(20);
    expect(summary.verdict.reasons.map(({ code }: { code: string }) => code)).toContain('schedule_not_kept');
  });
});

describe('the examples', () => {
  const folder = fileURLToPath(new URL('../../examples', import.meta.url));
  const shorter: Readonly<Record<string, readonly string[]>> = {
    'k6-stages.yaml': ['--stage', '1s:3,1s:0'],
    'mlapi-cache-50.yaml': ['--stage', '1s:3,1s:0'],
    'mlapi-cache-95.yaml': ['--stage', '1s:3,1s:0'],
    'poisson-two-workers.yaml': ['--duration', '2s', '--warmup', '1s'],
  };

  it.each(readdirSync(folder).filter((name) => name.endsWith('.yaml')))('%s runs', async (name) => {
    const cwd = newDirectory();
    const end = await cli(['run', '-f', join(folder, name), '--out', 'r', ...(shorter[name] ?? ['--duration', '2s'])], {
      cwd,
    });
    expect(end.stderr).not.toContain('error');
    const run = readRun(join(cwd, 'r'));
    // A busy machine may say of itself that it was, and then the run is no measurement.
    const codes = run.summary.verdict.reasons.map(({ code }: { code: string }) => code);
    expect(codes.filter((code: string) => !['client_bound', 'schedule_not_kept'].includes(code))).toEqual([]);
    expect(end.code).toBe(run.summary.verdict.status === 'INVALID' ? 4 : 0);
    expect(run.summary.counts.ok).toBe(run.summary.counts.planned);
    expectConservation(run);
  });
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
      return urls.slice(0, 20);
    };
    const [one, again, other] = await Promise.all([requests('1'), requests('1'), requests('2')]);
    expect(one.length).toBe(20);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
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
