/**
 * 20,000 requests per second for 60 s with everything recorded: memory stays flat, nothing is dropped, every row is in
 * the files.
 *
 *     npm run build && npx tsx bench/soak.ts [--seconds 60] [--smoke] [--jsonl FILE]
 *
 * The server is nginx with one worker on core 0 (else a few lines of node:net), the program on core 1. Resident memory
 * is read from /proc once a second while the load runs; its slope is that of least squares after the first 10 s. Rows
 * are counted in the files: one for each planned request in samples.csv, one for each that was sent in
 * raw_requests.csv. Needs Linux, bash and taskset.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { client, inDirectory, startedNs } from './harness/client.js';
import { atMost, bench } from './harness/figures.js';
import { residentBytes } from './harness/processes.js';
import { interleave, values } from './harness/rounds.js';
import { startFixedServer } from './harness/servers.js';
import { slopeOf } from './harness/statistics.js';

const RATE_PER_S = 20_000;
const MIB = 2 ** 20;
const BUDGET_S = 240;

const own = bench('soak', { rounds: 1, seconds: 60 });
const { seconds, smoke } = own.options;
const settleS = smoke ? 0 : 10;

/** How many lines of a file hold a row. */
function rowsIn(path: string, headers: number): number {
  const bytes = readFileSync(path);
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
    lines++;
  }
  return lines - headers;
}

const rounds = await inDirectory(async (directory) => {
  const server = await startFixedServer(directory);
  own.facts({ server: server.name });
  const url = `http://127.0.0.1:${server.port}`;
  const load = ['--rate', String(RATE_PER_S), '--duration', `${seconds}s`, '--pacing', 'precise', '--check', 'none'];
  const run = () => {
    const memory: (readonly [atMs: number, mib: number])[] = [];
    let timer: NodeJS.Timeout | undefined;
    const onStart = (pid: number) => {
      timer = setInterval(
        () => {
          const bytes = residentBytes(pid);
          if (bytes !== undefined) {
            memory.push([Number(process.hrtime.bigint()) / 1e6, bytes / MIB]);
          }
        },
        smoke ? 100 : 1_000,
      );
    };
    return client([url, ...load], { seconds, statuses: [0, 4], onStart }, ({ directory: files, summary, cpuS }) => {
      const startedMs = Number(startedNs(files)) / 1e6;
      const counted = memory
        .map(([atMs, mib]) => [(atMs - startedMs) / 60_000, mib] as const)
        .filter(([minutes]) => minutes * 60 >= settleS && minutes * 60 <= seconds);
      const planned = RATE_PER_S * seconds;
      return {
        cpuS,
        mibPerMinute: slopeOf(counted),
        mostMib: Math.max(...memory.map(([, mib]) => mib)),
        dropped: summary.counts.dropped + summary.counts.not_sent,
        failed: summary.counts.failed,
        missingRaw: summary.counts.sent - rowsIn(join(files, 'raw_requests.csv'), 0),
        missingSamples: planned - rowsIn(join(files, 'samples.csv'), 1),
        lagP99Ms: summary.lag.p99_ms as number,
      };
    }).finally(() => clearInterval(timer));
  };
  try {
    return await interleave([{ name: 'soak', run }], own.options, { budgetS: BUDGET_S, servers: [server] });
  } finally {
    await server.stop();
  }
});
type Soak = (typeof rounds)['rounds'][number][string];
const figure = (name: string, of: (run: Soak) => number, unit: string, most?: number) =>
  own.figure(name, values(rounds, 'soak', of), {
    unit,
    noisy: rounds.noisyOf('soak'),
    judged: 'worst',
    ...(most !== undefined && { must: atMost(most) }),
  });
figure('resident memory, slope', (run) => run.mibPerMinute, 'MiB/min', 1);
figure('resident memory, most', (run) => run.mostMib, 'MiB');
figure('requests dropped or not sent', (run) => run.dropped, '', 0);
figure('requests failed', (run) => run.failed, '', 0);
figure('rows missing in raw_requests.csv', (run) => Math.abs(run.missingRaw), '', 0);
figure('rows missing in samples.csv', (run) => Math.abs(run.missingSamples), '', 0);
figure('lag p99', (run) => run.lagP99Ms, 'ms');
own.finish();
