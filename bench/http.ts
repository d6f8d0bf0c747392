/**
 * HTTP/1.1, closed loop: what a request costs infer-bench with everything recorded, beside wrk; and how many it sends
 * from one core beside autocannon, hey, k6 and Locust. Bodies of 7 KB (784 floats) and 100 B, 64 connections, an answer
 * of 99 B from nginx with one worker on core 0, clients on core 1.
 *
 *     npm run build && npx tsx bench/http.ts [--rounds 5] [--seconds 6] [--smoke] [--jsonl FILE]
 *
 * "steady" is the difference between a long and a short run: CPU over requests without what starting costs. The goals
 * are judged by it; "whole" is the long run's process from start to end. wrk gets the bytes that infer-bench was seen
 * to send. "lane" is the transport alone: nothing recorded, nothing checked.
 *
 * Needs Linux, bash and taskset; uses nginx, wrk, autocannon, hey, k6 and locust where they are on PATH.
 */
import { join } from 'node:path';
import { bare } from './harness/bare.js';
import { captureRequest, client, inDirectory, LARGE_IMAGE, SMALL_IMAGE, writeImage } from './harness/client.js';
import { atLeast, atMost, type Bench, bench } from './harness/figures.js';
import { type HttpJob, peers, type Throughput } from './harness/peers.js';
import type { Server } from './harness/processes.js';
import { type Contender, interleave, ratios, values } from './harness/rounds.js';
import { startFixedServer } from './harness/servers.js';
import { type Slope, slope } from './harness/slope.js';

const CONNECTIONS = 64;
const BODY_BUDGET_S = 360;
const RATES_BUDGET_S = 240;

const BODIES = {
  '7 KB': { image: LARGE_IMAGE, cpuMust: 1.2, cpuAim: 1 },
  '100 B': { image: SMALL_IMAGE, cpuMust: 1.08, cpuAim: 0.95 },
} as const;
type BodyName = keyof typeof BODIES;

/** What a smoke run takes. */
const SMOKE_BODY: BodyName = '100 B';

const THROUGHPUT_GOALS = { autocannon: 1.4, hey: 2.8, k6: 9, locust: 8 } as const;

const own = bench('http', { rounds: 5, seconds: 6 });

/** The program's flags for a closed load without pauses. */
function flags(dataset: string, check: 'none' | 'shape'): readonly string[] {
  const load = ['--pattern', 'constant', '--think-time', '0s', '--check', check];
  return ['--protocol', 'tf-serving-rest', '--dataset', dataset, ...load];
}

async function measure(bodyName: BodyName, server: Server, directory: string): Promise<void> {
  const body = BODIES[bodyName];
  const dataset = join(directory, 'image.idx3-ubyte');
  writeImage(dataset, body.image);
  const request = await captureRequest(flags(dataset, 'none'));
  const bytes = `body of ${request.body.length} B`;
  const job: HttpJob = { request, port: server.port, connections: CONNECTIONS, directory };
  const [wrk] = peers(['wrk']);
  if (wrk) {
    own.facts({ wrk: wrk.version });
  }
  const url = `http://127.0.0.1:${server.port}`;
  const users = ['--users', String(CONNECTIONS)];
  const program = (check: 'none' | 'shape') => (seconds: number) =>
    client(
      [url, ...flags(dataset, check), ...users, '--duration', `${seconds}s`],
      { seconds },
      ({ summary, cpuS }) => ({
        requests: summary.counts.sent,
        perS: summary.counts.sent / seconds,
        cpuS,
      }),
    );
  const contenders: Contender<Slope>[] = [
    ...(wrk ? [slope('wrk', own.options, (seconds) => wrk.run(job, seconds))] : []),
    slope('recorded', own.options, program('none')),
    ...(own.options.smoke ? [] : [slope('recorded and checked', own.options, program('shape'))]),
    slope('lane', own.options, (seconds) => bare('lane', [url, ...flags(dataset, 'none'), ...users], seconds)),
  ];
  const rounds = await interleave(contenders, own.options, { budgetS: BODY_BUDGET_S, servers: [server] });
  for (const { name } of contenders) {
    const noisy = rounds.noisyOf(name);
    const title = `${bodyName}, ${name}`;
    own.figure(
      `${title}: CPU, steady`,
      values(rounds, name, (run) => run.steadyUs),
      { unit: 'µs/req', noisy, note: bytes },
    );
    own.figure(
      `${title}: CPU, whole`,
      values(rounds, name, (run) => run.wholeUs),
      { unit: 'µs/req', noisy },
    );
    own.figure(
      `${title}: rate, steady`,
      values(rounds, name, (run) => run.steadyPerS),
      { unit: '/s', noisy },
    );
  }
  if (wrk) {
    const over = (name: string, of: (run: Slope) => number) => ratios(rounds, name, 'wrk', of);
    for (const name of contenders.map((one) => one.name).filter((one) => one !== 'wrk')) {
      const goals = name === 'recorded' ? { must: atMost(body.cpuMust), aim: atMost(body.cpuAim) } : {};
      const noisy = rounds.noisyOf(name, 'wrk');
      const title = `${bodyName}, ${name} : wrk`;
      own.figure(
        `${title}: CPU, steady`,
        over(name, (run) => run.steadyUs),
        { ...goals, noisy },
      );
      own.figure(
        `${title}: CPU, whole`,
        over(name, (run) => run.wholeUs),
        { noisy },
      );
      const rate = name === 'recorded' && bodyName === '7 KB' ? { must: atLeast(0.9), aim: atLeast(1) } : {};
      own.figure(
        `${title}: rate, steady`,
        over(name, (run) => run.steadyPerS),
        { ...rate, noisy },
      );
    }
  }
  if (bodyName === '7 KB') {
    await compareRates(own, server, job, program('none'));
  }
}

/** Requests per second beside tools of other kinds, which cost so much that a short run says enough. */
async function compareRates(
  results: Bench,
  server: Server,
  job: HttpJob,
  program: (seconds: number) => Promise<Throughput>,
): Promise<void> {
  const others = peers(Object.keys(THROUGHPUT_GOALS));
  const { seconds } = results.options;
  const contenders: Contender<Throughput>[] = [
    { name: 'recorded', run: () => program(seconds) },
    ...others.map((peer) => ({ name: peer.name, run: () => peer.run(job, seconds) })),
  ];
  const rounds = await interleave(contenders, own.options, { budgetS: RATES_BUDGET_S, servers: [server] });
  for (const { name, version } of others) {
    const noisy = rounds.noisyOf('recorded', name);
    results.facts({ [name]: version });
    const must = atLeast(THROUGHPUT_GOALS[name as keyof typeof THROUGHPUT_GOALS]);
    results.figure(
      `7 KB, ${name}: rate`,
      values(rounds, name, ({ perS }) => perS),
      { unit: '/s', noisy },
    );
    results.figure(
      `7 KB, recorded : ${name}: rate`,
      ratios(rounds, 'recorded', name, ({ perS }) => perS),
      { must, noisy },
    );
    const cpuUs = ({ cpuS, requests }: Throughput) => (cpuS * 1e6) / requests;
    results.figure(`7 KB, recorded : ${name}: CPU, whole`, ratios(rounds, 'recorded', name, cpuUs), { noisy });
  }
}

await inDirectory(async (directory) => {
  const server = await startFixedServer(directory);
  own.facts({ server: server.name });
  try {
    const names = own.options.smoke ? [SMOKE_BODY] : (Object.keys(BODIES) as BodyName[]);
    for (const bodyName of names) {
      await measure(bodyName, server, directory);
    }
  } finally {
    await server.stop();
  }
});
own.finish();
