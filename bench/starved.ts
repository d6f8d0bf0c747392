/**
 * A generator that cannot do what was planned says so: an open run of 20 s that is stopped for a second (SIGSTOP), and a
 * rate beyond what it can send. Both must be INVALID with the reason, exit 4, show the lag per second and blame no
 * request on the server.
 *
 *     npm run build && npx tsx bench/starved.ts [--rounds 3] [--smoke] [--jsonl FILE]
 *
 * `--seconds` is the length of the overloaded run. Needs Linux, bash and taskset.
 */
import { join } from 'node:path';
import { type ClientRun, client, inDirectory, readCsv } from './harness/client.js';
import { atLeast, atMost, bench } from './harness/figures.js';
import { sleep } from './harness/processes.js';
import { startFixedServer } from './harness/servers.js';

const STOP_MS = 1_000;
const STARVED = ['schedule_not_kept', 'client_bound'];
/** More than one core of a client can do today. */
const BEYOND_PER_S = 300_000;

const own = bench('starved', { rounds: 3, seconds: 4 });
const { seconds, rounds, smoke } = own.options;

/** What the files say about a run. */
function verdictOf({ status, summary, directory }: ClientRun) {
  const lagsMs = readCsv(join(directory, 'per_second.csv')).map((row) => Number(row.lag_max_ms));
  const { verdict } = summary;
  return {
    told: Number(verdict.status === 'INVALID' && verdict.reasons.some(({ code }) => STARVED.includes(code))),
    exit: status as number,
    mostLagMs: Math.max(...lagsMs),
    failed: summary.counts.failed,
    reasons: verdict.reasons.map(({ code }) => code).join(', '),
  };
}

async function stopped(url: string) {
  const lengthS = smoke ? 3 : 20;
  const onStart = async (pid: number) => {
    await sleep((lengthS / 2) * 1000);
    process.kill(pid, 'SIGSTOP');
    await sleep(STOP_MS);
    process.kill(pid, 'SIGCONT');
  };
  const options = { seconds: lengthS, statuses: [0, 4], onStart };
  return client([url, '--rate', '500', '--duration', `${lengthS}s`, '--check', 'none'], options, verdictOf);
}

function beyond(url: string) {
  const load = ['--rate', String(BEYOND_PER_S), '--duration', `${seconds}s`, '--drain', '2s', '--check', 'none'];
  return client([url, ...load], { seconds: 30 * seconds, statuses: [0, 4] }, verdictOf);
}

await inDirectory(async (directory) => {
  const server = await startFixedServer(directory);
  try {
    for (const [name, run, lagMs] of [
      ['stopped for a second', stopped, 0.9 * STOP_MS],
      [`${BEYOND_PER_S}/s`, beyond, 10],
    ].slice(0, smoke ? 1 : 2) as [string, typeof stopped, number][]) {
      const seen: Awaited<ReturnType<typeof stopped>>[] = [];
      while (seen.length < rounds) {
        seen.push(await run(`http://127.0.0.1:${server.port}`));
      }
      const note = [...new Set(seen.map(({ reasons }) => reasons))].join(' or ');
      const judged = 'worst';
      own.figure(
        `${name}: INVALID with a reason`,
        seen.map(({ told }) => told),
        { must: atLeast(1), judged, note },
      );
      own.figure(
        `${name}: exit code 4`,
        seen.map(({ exit }) => Number(exit === 4)),
        { must: atLeast(1), judged },
      );
      own.figure(
        `${name}: most lag in per_second.csv`,
        seen.map(({ mostLagMs }) => mostLagMs),
        { must: atLeast(lagMs), judged, unit: 'ms' },
      );
      own.figure(
        `${name}: requests that failed`,
        seen.map(({ failed }) => failed),
        { must: atMost(0), judged },
      );
    }
  } finally {
    await server.stop();
  }
});
own.finish();
