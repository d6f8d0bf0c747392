/**
 * Deadlines of 100 ms to 10 s while both cores are busy and the server never answers: fired within 10 ms of the set time
 * at p99 and never more than 1 ms early, on our own lanes and on those of the libraries, over HTTP and gRPC.
 *
 *     npm run build && npx tsx bench/deadlines.ts [--seconds 4] [--smoke] [--jsonl FILE]
 *
 * 50 users for `--seconds` and one deadline more after a second of warm-up, closed loop: a request's start is when its user handed it over and its
 * deadline was set, so a deadline's lateness is end − start − timeout in samples.csv. A busy loop runs on each core, and
 * the program wherever the system puts it. Needs Linux, bash and taskset.
 */
import { join } from 'node:path';
import { client, readCsv } from './harness/client.js';
import { atLeast, atMost, bench } from './harness/figures.js';
import { CLIENT_CORE, SERVER_CORE, startBusyLoop } from './harness/processes.js';
import { type Contender, interleave, type Run, values } from './harness/rounds.js';
import { startSilentServer } from './harness/servers.js';
import { quantile } from './harness/statistics.js';

const USERS = 50;
const LATE_MS = 10;
const EARLY_MS = 1;
const BUDGET_S = 420;
const SCHEMES = { sentiment: 'http', 'tf-serving-grpc': 'grpc' } as const;
type ProtocolName = keyof typeof SCHEMES;

const own = bench('deadlines', { rounds: 1, seconds: 4 });
const { seconds, smoke } = own.options;
const TIMEOUTS_MS = smoke ? [100] : [100, 300, 1_000, 3_000, 10_000];

/** How late deadlines fired, ms; negative when early. */
interface Lateness extends Run {
  readonly p99Ms: number;
  readonly earliestMs: number;
}

async function lateness(port: number, protocol: ProtocolName, lane: string, timeoutMs: number): Promise<Lateness> {
  const users = ['--pattern', 'constant', '--users', String(USERS), '--think-time', '100ms'];
  // The deadlines of the warm-up's requests end within the first of those that count.
  const durationMs = seconds * 1000 + timeoutMs;
  const load = [...users, '--warmup', '1s', '--duration', `${durationMs}ms`, '--protocol', protocol];
  const how = ['--transport', lane, '--timeout', `${timeoutMs}ms`, '--drain', `${timeoutMs + 5_000}ms`];
  const options = { seconds: (durationMs + timeoutMs) / 1000 + 6, statuses: [0, 4], core: null };
  return client([`${SCHEMES[protocol]}://127.0.0.1:${port}`, ...load, ...how], options, ({ directory, cpuS }) => {
    const rows = readCsv(join(directory, 'samples.csv')).filter(({ phase }) => phase !== 'warmup');
    const odd = rows.find(({ outcome }) => !/timeout|DEADLINE_EXCEEDED/.test(outcome as string));
    if (odd || rows.length === 0) {
      throw new Error(`Wanted deadlines, got ${odd?.outcome ?? 'no rows'}`);
    }
    const lateMs = rows.map((row) => (Number(row.end_us) - Number(row.start_us)) / 1000 - timeoutMs);
    return { cpuS, p99Ms: quantile(lateMs, 0.99), earliestMs: quantile(lateMs, 0) };
  });
}

const server = await startSilentServer();
const loops = [await startBusyLoop(SERVER_CORE), await startBusyLoop(CLIENT_CORE)];
try {
  const contenders: Contender<Lateness>[] = (Object.keys(SCHEMES) as ProtocolName[]).flatMap((protocol) =>
    (smoke ? ['wire'] : ['wire', 'library']).flatMap((lane) =>
      TIMEOUTS_MS.map((timeoutMs) => ({
        name: `${SCHEMES[protocol]}, ${lane}, ${timeoutMs} ms`,
        run: () => lateness(server.port, protocol, lane, timeoutMs),
      })),
    ),
  );
  const rounds = await interleave(contenders, own.options, { budgetS: BUDGET_S, servers: [server, ...loops] });
  for (const { name } of contenders) {
    const noisy = rounds.noisyOf(name);
    const late = values(rounds, name, ({ p99Ms }) => p99Ms);
    const early = values(rounds, name, ({ earliestMs }) => earliestMs);
    own.figure(`${name}: late, p99`, late, { must: atMost(LATE_MS), judged: 'worst', unit: 'ms', noisy });
    own.figure(`${name}: earliest`, early, { must: atLeast(-EARLY_MS), judged: 'worst', unit: 'ms', noisy });
  }
} finally {
  await Promise.all([server, ...loops].map((one) => one.stop()));
}
own.finish();
