/**
 * Deadlines of 100 ms to 10 s while both cores are busy and the server never answers: fired within 10 ms of the set time
 * at p99 and never more than 1 ms early, on our own lanes and on those of the libraries, over HTTP and gRPC.
 *
 *     npm run build && npx tsx bench/deadlines.ts [--seconds 4] [--smoke] [--jsonl FILE]
 *
 * 50 requests per second for `--seconds` after a second of warm-up; a deadline's lateness is end − start − timeout in samples.csv. A busy loop
 * runs on each core, and the program wherever the system puts it. Needs Linux, bash and taskset.
 */
import { join } from 'node:path';
import { client, readCsv } from './harness/client.js';
import { atLeast, atMost, bench } from './harness/figures.js';
import { CLIENT_CORE, SERVER_CORE, startBusyLoop } from './harness/processes.js';
import { startSilentServer } from './harness/servers.js';
import { quantile } from './harness/statistics.js';

const RATE_PER_S = 50;
const LATE_MS = 10;
const EARLY_MS = 1;
const SCHEMES = { sentiment: 'http', 'tf-serving-grpc': 'grpc' } as const;
type ProtocolName = keyof typeof SCHEMES;

const own = bench('deadlines', { rounds: 1, seconds: 4 });
const { seconds, smoke } = own.options;
const TIMEOUTS_MS = smoke ? [100] : [100, 300, 1_000, 3_000, 10_000];

/** How late each deadline fired, ms; negative when early. */
async function lateness(port: number, protocol: ProtocolName, lane: string, timeoutMs: number) {
  const load = ['--rate', String(RATE_PER_S), '--warmup', '1s', '--duration', `${seconds}s`, '--protocol', protocol];
  const how = ['--transport', lane, '--timeout', `${timeoutMs}ms`, '--drain', `${timeoutMs + 5_000}ms`];
  const options = { seconds: seconds + timeoutMs / 1000 + 5, statuses: [0, 4], core: null };
  return client([`${SCHEMES[protocol]}://127.0.0.1:${port}`, ...load, ...how], options, ({ directory }) => {
    const rows = readCsv(join(directory, 'samples.csv')).filter(({ phase }) => phase !== 'warmup');
    const odd = rows.find(({ outcome }) => !/timeout|DEADLINE_EXCEEDED/.test(outcome as string));
    if (odd || rows.length === 0) {
      throw new Error(`Wanted deadlines, got ${odd?.outcome ?? 'no rows'}`);
    }
    return rows.map((row) => (Number(row.end_us) - Number(row.start_us)) / 1000 - timeoutMs);
  });
}

const server = await startSilentServer();
const loops = [await startBusyLoop(SERVER_CORE), await startBusyLoop(CLIENT_CORE)];
try {
  for (const protocol of Object.keys(SCHEMES) as ProtocolName[]) {
    for (const lane of smoke ? ['wire'] : ['wire', 'library']) {
      for (const timeoutMs of TIMEOUTS_MS) {
        const lateMs = await lateness(server.port, protocol, lane, timeoutMs);
        const title = `${SCHEMES[protocol]}, ${lane}, ${timeoutMs} ms`;
        const unit = 'ms';
        own.figure(`${title}: late, p99`, [quantile(lateMs, 0.99)], { must: atMost(LATE_MS), unit });
        own.figure(`${title}: earliest`, [quantile(lateMs, 0)], { must: atLeast(-EARLY_MS), unit });
      }
    }
  }
} finally {
  await Promise.all([server, ...loops].map((one) => one.stop()));
}
own.finish();
