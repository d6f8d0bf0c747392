/**
 * Constant rates of 1,000, 5,000 and 20,000 requests per second: how late each request comes, as the server sees it,
 * against the intended start in samples.csv. The first three seconds are not counted.
 *
 *     npm run build && npx tsx bench/pacing.ts [--rounds 5] [--seconds 5] [--smoke] [--jsonl FILE]
 *
 * The judge is a server in a process of its own on core 0 that logs for each arrival when its kernel received it, on
 * CLOCK_MONOTONIC; the run's plan says what its zero was on that clock. The n-th arrival is held against the n-th
 * intended start. Beside it stands when the server's code saw the request: what it took to wake up is the server's own,
 * up to a millisecond on two cores. Clients are not pinned, as they are not where people use them: the helper threads of
 * Node (compiler, garbage collector, files) would take turns of 3 ms with the loop on one core. Peers do not tell their
 * zero: it is taken so that their earliest request is on time, which flatters them.
 *
 * Needs Linux, bash and taskset, and Python 3 for the kernel's time; uses wrk2 and vegeta where they are on PATH.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { client, inDirectory, startedNs } from './harness/client.js';
import { atMost, bench } from './harness/figures.js';
import { type PacedPeer, pacedPeers } from './harness/paced-peers.js';
import { type Contender, interleave, type Run, ratios, values } from './harness/rounds.js';
import { readArrivals, startArrivalServer } from './harness/servers.js';
import { quantile } from './harness/statistics.js';

const RATES_PER_S = [1_000, 5_000, 20_000] as const;
const WARM_UP_S = 3;
const BUDGET_S = 100;
const P99_MUST_MS = 0.25;
const P99_AIM_MS = 0.1;
const MOST_OF_WRK2 = 0.1;

interface Lateness extends Run {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** By when the server's code saw the requests. */
  readonly seenP99Ms: number;
  /** What the tool says of itself; NaN where it says nothing. */
  readonly lagP99Ms: number;
}

const own = bench('pacing', { rounds: 5, seconds: 5 });

/** When requests were due, ms from a zero; the zero on the server's clock where the tool tells it. */
interface Due {
  readonly zeroNs: bigint | undefined;
  readonly afterMs: ArrayLike<number>;
}

/** Quantiles of how late requests came, ms, without those of the warm-up. */
function lateness(atNs: BigInt64Array, due: Due): (share: number) => number {
  const zeroNs = due.zeroNs ?? (atNs[0] as bigint);
  const lateMs = Array.from(atNs, (ns, index) => Number(ns - zeroNs) / 1e6 - (due.afterMs[index] ?? Number.NaN));
  const counted = lateMs.filter((_, index) => (due.afterMs[index] as number) >= WARM_UP_S * 1000);
  const earliest = due.zeroNs === undefined ? counted.reduce((least, late) => Math.min(least, late)) : 0;
  return (share) => quantile(counted, share) - earliest;
}

/** A run against an arrival server of its own. */
async function judged(
  load: (
    port: number,
    directory: string,
  ) => Promise<{ readonly cpuS: number; readonly due: Due; readonly lagP99Ms?: number }>,
): Promise<Lateness> {
  return inDirectory(async (directory) => {
    const log = join(directory, 'arrivals');
    const server = await startArrivalServer(log);
    let serverS = 0;
    const {
      cpuS,
      due,
      lagP99Ms = Number.NaN,
    } = await load(server.port, directory).finally(() => {
      serverS = server.cpuS();
      return server.stop();
    });
    const arrivals = readArrivals(log);
    if (arrivals.receivedNs.length !== due.afterMs.length && due.zeroNs !== undefined) {
      throw new Error(`${due.afterMs.length} requests were sent, ${arrivals.receivedNs.length} arrived`);
    }
    const received = lateness(arrivals.receivedNs, due);
    const seen = lateness(arrivals.seenNs, due);
    return {
      cpuS: cpuS + serverS,
      p50Ms: received(0.5),
      p99Ms: received(0.99),
      maxMs: received(1),
      seenP99Ms: seen(0.99),
      lagP99Ms,
    };
  });
}

function program(rate: number, seconds: number): Promise<Lateness> {
  return judged((port) => {
    const load = ['--rate', String(rate), '--pacing', 'precise', '--check', 'none'];
    const times = ['--warmup', `${WARM_UP_S}s`, '--duration', `${seconds}s`];
    return client(
      [`http://127.0.0.1:${port}`, ...load, ...times],
      { seconds: seconds + WARM_UP_S, statuses: [0, 4], core: null },
      (run) => ({
        cpuS: run.cpuS,
        lagP99Ms: run.summary.lag.p99_ms as number,
        due: { zeroNs: startedNs(run.directory), afterMs: intendedMs(join(run.directory, 'samples.csv')) },
      }),
    );
  });
}

/** The intended starts of all requests that were sent, in order, ms from the run's start. */
function intendedMs(path: string): Float64Array {
  const [head = '', ...rows] = readFileSync(path, 'latin1').trimEnd().split('\n');
  const names = head.split(',');
  const [intended, start] = [names.indexOf('intended_us'), names.indexOf('start_us')];
  const times = rows.map((row) => row.split(',')).filter((cells) => cells[start] !== '');
  return Float64Array.from(times, (cells) => Number(cells[intended]) / 1000).sort();
}

function peer({ run }: PacedPeer, rate: number, seconds: number): Promise<Lateness> {
  return judged(async (port, directory) => {
    const { cpuS } = await run({ port, directory, rate, seconds: seconds + WARM_UP_S });
    const afterMs = Float64Array.from({ length: rate * (seconds + WARM_UP_S) }, (_, index) => (index * 1000) / rate);
    return { cpuS, due: { zeroNs: undefined, afterMs } };
  });
}

const others = pacedPeers();
for (const { name, version } of others) {
  own.facts({ [name]: version });
}
const { seconds, smoke } = own.options;
for (const rate of smoke ? [RATES_PER_S[0]] : RATES_PER_S) {
  const contenders: Contender<Lateness>[] = [
    { name: 'infer-bench', run: () => program(rate, seconds) },
    ...others.map((other) => ({ name: other.name, run: () => peer(other, rate, seconds) })),
  ];
  const rounds = await interleave(contenders, own.options, { budgetS: BUDGET_S, servers: [] });
  for (const { name } of contenders) {
    const noisy = rounds.noisyOf(name);
    const goals = name === 'infer-bench' ? { must: atMost(P99_MUST_MS), aim: atMost(P99_AIM_MS) } : {};
    const title = `${name} at ${rate}/s: lateness`;
    own.figure(
      `${title} p50`,
      values(rounds, name, ({ p50Ms }) => p50Ms),
      { unit: 'ms', noisy },
    );
    own.figure(
      `${title} p99`,
      values(rounds, name, ({ p99Ms }) => p99Ms),
      { unit: 'ms', noisy, ...goals },
    );
    own.figure(
      `${title} max`,
      values(rounds, name, ({ maxMs }) => maxMs),
      { unit: 'ms', noisy },
    );
    own.figure(
      `${title} p99 with the server's wake-up`,
      values(rounds, name, ({ seenP99Ms }) => seenP99Ms),
      { unit: 'ms', noisy },
    );
  }
  own.figure(
    `infer-bench at ${rate}/s: lag p99 by its own record`,
    values(rounds, 'infer-bench', ({ lagP99Ms }) => lagP99Ms),
    { unit: 'ms', noisy: rounds.noisyOf('infer-bench') },
  );
  if (others.some(({ name }) => name === 'wrk2')) {
    const over = ratios(rounds, 'infer-bench', 'wrk2', ({ p99Ms }) => p99Ms);
    own.figure(`infer-bench : wrk2 at ${rate}/s: lateness p99`, over, {
      must: atMost(MOST_OF_WRK2),
      noisy: rounds.noisyOf('infer-bench', 'wrk2'),
    });
  }
}
own.finish();
