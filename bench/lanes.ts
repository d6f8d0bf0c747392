/**
 * Our own lanes and those of the libraries agree at 500 requests per second on one server: counts, outcomes and bytes are
 * equal, and their latencies differ by no more than those of one lane differ between runs.
 *
 *     npm run build && npx tsx bench/lanes.ts [--rounds 5] [--seconds 5] [--smoke] [--jsonl FILE]
 *
 * HTTP goes to the golden server (5 ms), gRPC to the fixed server of bench/grpc.ts; a second of warm-up does not count.
 * The noise of a percentile is the wider of the two lanes' spreads (most less least) over the rounds; the lanes' medians
 * may be that far apart, or as far as the resolution of the records, 2 µs. Clients are not pinned, as in pacing.ts. Needs
 * Linux, bash and taskset.
 */
import { join } from 'node:path';
import { client, inDirectory, readCsv } from './harness/client.js';
import { atMost, bench } from './harness/figures.js';
import type { Server } from './harness/processes.js';
import { interleave, type Rounds, type Run, values } from './harness/rounds.js';
import { startGoldenServer, startGrpcServer } from './harness/servers.js';
import { medianOf, spreadOf } from './harness/statistics.js';

const RATE_PER_S = 500;
const RESOLUTION_MS = 0.002;
const BUDGET_S = 150;
const PERCENTILES = ['p50_ms', 'p95_ms', 'p99_ms'] as const;
const LANES = ['wire', 'library'] as const;

const own = bench('lanes', { rounds: 5, seconds: 5 });
const { seconds, smoke } = own.options;

interface LaneRun extends Run {
  readonly latency: Readonly<Record<string, number>>;
  /** All that has to be equal, by name. */
  readonly facts: Readonly<Record<string, number>>;
}

function laneRun(url: string, protocol: string, lane: string): Promise<LaneRun> {
  const load = ['--rate', String(RATE_PER_S), '--warmup', '1s', '--duration', `${seconds}s`, '--pacing', 'precise'];
  const how = ['--protocol', protocol, '--transport', lane, '--connections', '16'];
  return client(
    [url, ...load, ...how],
    { seconds: seconds + 1, statuses: [0, 4], core: null },
    ({ summary, directory, cpuS }) => {
      const facts: Record<string, number> = {
        ...summary.counts,
        'bytes out': summary.bytes.out_bytes,
        'bytes in': summary.bytes.in_bytes,
      };
      for (const { outcome } of readCsv(join(directory, 'samples.csv'))) {
        facts[`outcome ${outcome}`] = (facts[`outcome ${outcome}`] ?? 0) + 1;
      }
      return { cpuS, latency: summary.latency, facts };
    },
  );
}

function judge(scheme: string, all: Rounds<LaneRun>): void {
  const { rounds } = all;
  const noisy = all.noisyOf(...LANES);
  const unequal = rounds.map(({ wire, library }) => {
    const [ours, theirs] = [(wire as LaneRun).facts, (library as LaneRun).facts];
    return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter((name) => ours[name] !== theirs[name]);
  });
  const note = [...new Set(unequal.flat())].join(', ');
  own.figure(
    `${scheme}: counts, outcomes and bytes that differ`,
    unequal.map(({ length }) => length),
    {
      must: atMost(0),
      judged: 'worst',
      noisy,
      note,
    },
  );
  for (const percentile of PERCENTILES) {
    const [ours, theirs] = LANES.map((lane) => values(all, lane, ({ latency }) => latency[percentile] as number));
    const width = (lane: readonly number[]) => spreadOf(lane).max - spreadOf(lane).min;
    const noiseMs = Math.max(RESOLUTION_MS, width(ours as number[]), width(theirs as number[]));
    const apartMs = Math.abs(medianOf(ours as number[]) - medianOf(theirs as number[]));
    const name = percentile.replace('_ms', '');
    own.figure(`${scheme}, wire: ${name}`, ours as number[], { unit: 'ms', noisy });
    own.figure(`${scheme}, library: ${name}`, theirs as number[], { unit: 'ms', noisy });
    own.figure(`${scheme}: medians of ${name} apart`, [apartMs], { unit: 'ms', noisy });
    own.figure(`${scheme}: medians of ${name} apart, over the noise`, [apartMs / noiseMs], { must: atMost(1), noisy });
  }
}

async function compare(scheme: string, protocol: string, server: Server): Promise<void> {
  try {
    const url = `${scheme}://127.0.0.1:${server.port}`;
    const contenders = LANES.map((name) => ({ name, run: () => laneRun(url, protocol, name) }));
    judge(scheme, await interleave(contenders, own.options, { budgetS: BUDGET_S, servers: [server] }));
  } finally {
    await server.stop();
  }
}

await inDirectory(async (directory) => {
  const golden = await startGoldenServer({ kind: 'constant', ms: 5 }, join(directory, 'truth.csv'));
  await compare('http', 'sentiment', golden);
  if (!smoke) {
    await compare('grpc', 'tf-serving-grpc', await startGrpcServer());
  }
});
own.finish();
