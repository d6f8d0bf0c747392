/**
 * What recording costs: the program with all its files and live counts, over the same engine and transport with a place
 * for the rows that keeps none. CPU of the whole process, 7 KB over HTTP and 64 users, answers not checked.
 *
 *     npm run build && npx tsx bench/recording.ts [--rounds 5] [--seconds 6] [--smoke] [--jsonl FILE]
 *
 * "steady" is judged: the difference between a long and a short run of each, so that neither's start counts. Server and
 * pinning are those of bench/http.ts. Needs Linux, bash and taskset.
 */
import { join } from 'node:path';
import { bare } from './harness/bare.js';
import { client, inDirectory, LARGE_IMAGE, writeImage } from './harness/client.js';
import { atMost, bench } from './harness/figures.js';
import { interleave, ratios, values } from './harness/rounds.js';
import { startFixedServer } from './harness/servers.js';
import { type Slope, slope } from './harness/slope.js';

const BUDGET_S = 200;

const own = bench('recording', { rounds: 5, seconds: 6 });

await inDirectory(async (directory) => {
  const dataset = join(directory, 'image.idx3-ubyte');
  writeImage(dataset, LARGE_IMAGE);
  const server = await startFixedServer(directory);
  own.facts({ server: server.name });
  try {
    const load = ['--pattern', 'constant', '--users', '64', '--think-time', '0s', '--check', 'none'];
    const args = [`http://127.0.0.1:${server.port}`, '--protocol', 'tf-serving-rest', '--dataset', dataset, ...load];
    const contenders = [
      slope('on', own.options, (seconds) =>
        client([...args, '--duration', `${seconds}s`], { seconds }, ({ summary, cpuS }) => ({
          requests: summary.counts.sent,
          perS: summary.counts.sent / seconds,
          cpuS,
        })),
      ),
      slope('off', own.options, (seconds) => bare('loop', args, seconds)),
    ];
    const rounds = await interleave(contenders, own.options, { budgetS: BUDGET_S, servers: [server] });
    for (const { name } of contenders) {
      const noisy = rounds.noisyOf(name);
      own.figure(
        `${name}: CPU, steady`,
        values(rounds, name, (run) => run.steadyUs),
        { unit: 'µs/req', noisy },
      );
      own.figure(
        `${name}: CPU, whole`,
        values(rounds, name, (run) => run.wholeUs),
        { unit: 'µs/req', noisy },
      );
    }
    const noisy = rounds.noisyOf('on', 'off');
    const over = (of: (run: Slope) => number) => ratios(rounds, 'on', 'off', of);
    own.figure(
      'on : off: CPU, steady',
      over((run) => run.steadyUs),
      { must: atMost(1.1), aim: atMost(1.05), noisy },
    );
    own.figure(
      'on : off: CPU, whole',
      over((run) => run.wholeUs),
      { noisy },
    );
  } finally {
    await server.stop();
  }
});
own.finish();
