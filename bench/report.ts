/**
 * What `report.html` costs for two hours of ten million requests: the time and memory to make it from the run directory,
 * its size, and how long a browser takes until its plots are there.
 *
 *     npm run build && npx tsx bench/report.ts [--seconds 7200] [--rounds 3] [--smoke] [--jsonl FILE]
 *
 * The run directory is that of a short run against the embedded server, stretched: 1,389 rows a second, written by the
 * program's own writer to the temporary directory, about 1 GB, and removed. `report --format html` then runs on one core
 * with everything else that the machine does; its peak of resident memory is read from /proc every 50 ms. The page is
 * opened from its file in Debian's chromium where that is on PATH; the clock runs from the navigation to the first frame
 * after the script has drawn. Needs Linux, bash and taskset.
 */
import { spawnSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { client } from './harness/client.js';
import { atMost, bench } from './harness/figures.js';
import { stretchRun } from './harness/long-run.js';
import { CLIENT_CORE, peakBytes, pinned, run, script, versionOf } from './harness/processes.js';
import { interleave, values } from './harness/rounds.js';

const PROGRAM = fileURLToPath(new URL('../bin/infer-bench.js', import.meta.url));
const REQUESTS_PER_S = 1_389;
const MIB = 2 ** 20;
const BUDGET_S = 240;
/** Exit codes of a report that was written: VALID, INVALID and a threshold that was missed. */
const WRITTEN = [0, 4, 99];

const own = bench('report', { rounds: 3, seconds: 7_200 });
const { smoke } = own.options;
const seconds = smoke ? 120 : own.options.seconds;

const browser = spawnSync('which', ['chromium'], { encoding: 'utf8' }).stdout.trim();

/** Milliseconds from the navigation to the first frame that has all plots. */
async function openMs(page: string): Promise<number> {
  const line = script(new URL('harness/open-page.ts', import.meta.url), browser, page);
  const { status, stdout, stderr } = await run(line, { limitS: 60 });
  if (status !== 0) {
    throw new Error(`The page was not opened: ${stderr.slice(-1_000)}`);
  }
  return Number(stdout);
}

async function report(directory: string) {
  let peak = 0;
  let timer: NodeJS.Timeout | undefined;
  const page = join(directory, 'report.html');
  rmSync(page, { force: true });
  const line = [process.execPath, PROGRAM, 'report', directory, '--format', 'html', '--quiet'] as const;
  const { status, wallS, cpuS, stderr } = await run(pinned(CLIENT_CORE, line), {
    limitS: 120,
    onStart: (pid) => {
      timer = setInterval(() => {
        peak = Math.max(peak, peakBytes(pid) ?? 0);
      }, 50);
    },
  }).finally(() => clearInterval(timer));
  if (!WRITTEN.includes(status ?? -1)) {
    throw new Error(`infer-bench report ended with ${status}: ${stderr.slice(-1_000)}`);
  }
  return { cpuS, wallS, peakMib: peak / MIB, pageBytes: statSync(page).size };
}

const load = ['--rate', '100', '--duration', '2s', '--threshold', 'p(95)<200', '--report', 'none'];
await client(load, { seconds: 2, statuses: WRITTEN }, async ({ directory }) => {
  const rows = stretchRun(directory, { seconds, requestsPerS: REQUESTS_PER_S });
  const megabytes = Math.round(statSync(join(directory, 'samples.csv')).size / 1e6);
  own.facts({ 'run of the report': `${rows} rows, samples.csv of ${megabytes} MB` });
  const rounds = await interleave([{ name: 'report', run: () => report(directory) }], own.options, {
    budgetS: BUDGET_S,
    servers: [],
  });
  const noisy = rounds.noisyOf('report');
  const of = (pick: (run: Awaited<ReturnType<typeof report>>) => number) => values(rounds, 'report', pick);
  own.figure(
    'report --format html, wall time',
    of(({ wallS }) => wallS),
    { unit: 's', must: atMost(10), noisy },
  );
  own.figure(
    'report --format html, CPU time',
    of(({ cpuS }) => cpuS),
    { unit: 's', noisy },
  );
  own.figure(
    'peak of resident memory',
    of(({ peakMib }) => peakMib),
    { unit: 'MiB' },
  );
  own.figure(
    'size of the page',
    of(({ pageBytes }) => pageBytes / 1e6),
    { unit: 'MB', must: atMost(1) },
  );
  if (browser === '') {
    console.error('chromium is not on PATH: the page is not opened');
    return;
  }
  own.facts({ browser: versionOf(browser) });
  const opened: number[] = [];
  for (let round = 0; round < own.options.rounds; round++) {
    opened.push((await openMs(join(directory, 'report.html'))) / 1000);
  }
  own.figure('from opening the page to its plots', opened, { unit: 's', must: atMost(2) });
});
own.finish();
