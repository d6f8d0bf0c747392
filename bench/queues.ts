/**
 * Servers whose response times theory knows, at loads of 30, 60 and 85 %: the embedded server as M/D/1 and M/M/1 (one
 * slot, Poisson arrivals) and as a batch server. Each request is held against a replay in virtual time of the same
 * arrivals and service times, and the run against the closed form.
 *
 *     npm run build && npx tsx bench/queues.ts [--rounds 1] [--seconds 60] [--smoke] [--jsonl FILE]
 *
 * A minute of a queue at 85 % is a small sample: its mean is off theory by a quarter, whoever measures it. Of 500 seeds
 * of the arrivals the one is taken whose replay comes nearest to theory, so that what is left is the error of server and
 * client; how near it came stands beside. A batch server in an open run has a replay but no closed form; in a closed run
 * of users who send again at once it has one (`batchCycle` in harness/queue-theory.ts).
 *
 * The server is `infer-bench serve` on core 0, the client on core 1. Needs Linux, bash and taskset.
 */
import { join } from 'node:path';
import { exponential, random } from '../src/random.js';
import { arrivals } from '../src/schedule/arrivals.js';
import { client, readCsv } from './harness/client.js';
import { atMost, bench } from './harness/figures.js';
import {
  type BatchServer,
  batchCapacity,
  batchCycle,
  md1Mean,
  md1Quantile,
  mm1Mean,
  mm1Quantile,
  type Queue,
  replayBatches,
  replayFifo,
} from './harness/queue-theory.js';
import { type Contender, interleave, type Run, values } from './harness/rounds.js';
import { startEmbeddedServer } from './harness/servers.js';
import { quantile } from './harness/statistics.js';

const LOADS = [0.3, 0.6, 0.85];
const SERVICE_MS = 20;
/** So long that a request which is a fraction of a millisecond late seldom misses its batch, and a round trip hardly shows. */
const BATCH: BatchServer = { base: 50, perItem: 10, max: 8 };
const USERS = [1, 2, 8, 16];
const CLOSED_S = 20;
const SERVER_SEED = 1;
const SEEDS = 500;
const OFF_THEORY_PERCENT = 5;
const OFF_REPLAY_MS = 2;
const BUDGET_S = 1_300;

const own = bench('queues', { rounds: 1, seconds: 60 });
const { seconds, smoke } = own.options;

/** A server in an open run; times in ms. */
interface Open {
  readonly name: string;
  readonly serve: readonly string[];
  readonly ratePerS: number;
  /** Response times for intended starts. */
  replay(arrivalsMs: ArrayLike<number>): Float64Array;
  readonly theory?: { readonly mean: number; readonly p95: number };
}

const oneSlot = ['--concurrency', '1', '--seed', String(SERVER_SEED)];

function openServers(load: number): readonly Open[] {
  const queue: Queue = { load, service: SERVICE_MS };
  const at = `at ${load * 100} %`;
  const ratePerS = (1000 * load) / SERVICE_MS;
  return [
    {
      name: `M/D/1 ${at}`,
      serve: ['--service-time', `${SERVICE_MS}ms`, ...oneSlot],
      ratePerS,
      replay: (arrivalsMs) => replayFifo(arrivalsMs, () => SERVICE_MS),
      theory: { mean: md1Mean(queue), p95: md1Quantile(queue, 0.95) },
    },
    {
      name: `M/M/1 ${at}`,
      serve: ['--service-time', `exponential:${SERVICE_MS}ms`, ...oneSlot],
      ratePerS,
      replay(arrivalsMs) {
        // The server's own draws: its stream of this seed, in the order of the requests.
        const source = random(SERVER_SEED, 'service');
        return replayFifo(arrivalsMs, () => SERVICE_MS * exponential(source));
      },
      theory: { mean: mm1Mean(queue), p95: mm1Quantile(queue, 0.95) },
    },
    {
      name: `batches ${at}`,
      serve: ['--service-time', `${BATCH.base}ms+${BATCH.perItem}ms`, '--max-batch', String(BATCH.max)],
      ratePerS: 1000 * load * batchCapacity(BATCH),
      replay: (arrivalsMs) => replayBatches(arrivalsMs, BATCH),
    },
  ];
}

/** The intended starts of an open run with a seed, ms, as the program plans them. */
function plannedMs(ratePerS: number, seed: number): Float64Array {
  const curve = { durationUs: seconds * 1e6, levelAt: () => ratePerS };
  return arrivals(curve, { kind: 'poisson' }, random(seed, 'arrivals')).map((us) => us / 1000);
}

const mean = (numbers: ArrayLike<number>) =>
  Array.from(numbers).reduce((sum, value) => sum + value, 0) / numbers.length;
const percentOff = (value: number, wanted: number) => 100 * Math.abs(value / wanted - 1);

/** How far mean and p95 are off theory, the worse of both. */
function offTheory(responsesMs: ArrayLike<number>, { mean: wantedMean, p95 }: NonNullable<Open['theory']>): number {
  return Math.max(percentOff(mean(responsesMs), wantedMean), percentOff(quantile(responsesMs, 0.95), p95));
}

/** The seed whose replay is nearest to theory. */
function bestSeed({ ratePerS, replay, theory }: Open): number {
  let best = { seed: 1, off: Number.POSITIVE_INFINITY };
  for (let seed = 1; theory && seed <= (smoke ? 1 : SEEDS); seed++) {
    const off = offTheory(replay(plannedMs(ratePerS, seed)), theory);
    best = off < best.off ? { seed, off } : best;
  }
  return best.seed;
}

interface Measured extends Run {
  readonly responsesMs: readonly number[];
  readonly replayMs: Float64Array;
  readonly completedPerS: number;
}

async function measured(
  serve: readonly string[],
  load: readonly string[],
  { loadS, replay }: { readonly loadS: number; readonly replay?: Open['replay'] },
): Promise<Measured> {
  const server = await startEmbeddedServer('sentiment', serve);
  try {
    const url = `http://127.0.0.1:${server.port}`;
    return await client([url, '--duration', `${loadS}s`, ...load], { seconds: loadS, statuses: [0, 4] }, (run) => {
      const rows = readCsv(join(run.directory, 'samples.csv'));
      const column = (name: string) => rows.map((row) => Number(row[name]) / 1000);
      const [intendedMs, endMs] = [column('intended_us'), column('end_us')];
      // Rows are in the order of their ends, a replay in that of the arrivals.
      const order = rows.map((_, index) => index).sort((a, b) => (intendedMs[a] as number) - (intendedMs[b] as number));
      const arrivalsMs = order.map((index) => intendedMs[index] as number);
      return {
        cpuS: run.cpuS + server.cpuS(),
        responsesMs: order.map((index) => (endMs[index] as number) - (intendedMs[index] as number)),
        replayMs: replay?.(arrivalsMs) ?? new Float64Array(),
        completedPerS: run.summary.rates.completed_per_s,
      };
    });
  } finally {
    await server.stop();
  }
}

const open = (smoke ? [0.6] : LOADS).flatMap(openServers);
const closed = (smoke ? [8] : USERS).map((users) => ({ users, name: `batches for ${users} users` }));
const contenders: readonly Contender<Measured>[] = [
  ...open.map((server) => {
    const seed = bestSeed(server);
    const rate = ['--rate', String(server.ratePerS), '--spacing', 'poisson', '--seed', String(seed)];
    return {
      name: server.name,
      run: () => measured(server.serve, [...rate, '--pacing', 'precise'], { loadS: seconds, replay: server.replay }),
    };
  }),
  ...closed.map(({ users, name }) => ({
    name,
    run: () => {
      const batching = ['--service-time', `${BATCH.base}ms+${BATCH.perItem}ms`, '--max-batch', String(BATCH.max)];
      const load = ['--pattern', 'constant', '--users', String(users), '--think-time', '0s'];
      return measured(batching, load, { loadS: smoke ? seconds : CLOSED_S });
    },
  })),
];

const rounds = await interleave(contenders, own.options, { budgetS: BUDGET_S, servers: [] });
for (const { name, theory } of open) {
  const noisy = rounds.noisyOf(name);
  own.figure(
    `${name}: off its replay, p95 of requests`,
    values(rounds, name, ({ responsesMs, replayMs }) =>
      quantile(
        responsesMs.map((ms, index) => Math.abs(ms - (replayMs[index] as number))),
        0.95,
      ),
    ),
    { must: atMost(OFF_REPLAY_MS), unit: 'ms', noisy },
  );
  if (theory) {
    const goal = { must: atMost(OFF_THEORY_PERCENT), unit: '%', noisy };
    own.figure(
      `${name}: mean off theory of ${theory.mean.toFixed(1)} ms`,
      values(rounds, name, ({ responsesMs }) => percentOff(mean(responsesMs), theory.mean)),
      goal,
    );
    own.figure(
      `${name}: p95 off theory of ${theory.p95.toFixed(1)} ms`,
      values(rounds, name, ({ responsesMs }) => percentOff(quantile(responsesMs, 0.95), theory.p95)),
      goal,
    );
    own.figure(
      `${name}: replay off theory, mean or p95`,
      values(rounds, name, ({ replayMs }) => offTheory(replayMs, theory)),
      { unit: '%', noisy },
    );
  }
}
for (const { name, users } of closed) {
  const cycleMs = batchCycle(BATCH, users);
  own.figure(
    `${name}: answer to answer off theory of ${cycleMs} ms`,
    values(rounds, name, ({ completedPerS }) => percentOff((1000 * users) / completedPerS, cycleMs)),
    { must: atMost(OFF_THEORY_PERCENT), unit: '%', noisy: rounds.noisyOf(name) },
  );
}
own.finish();
