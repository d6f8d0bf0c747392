/**
 * gRPC unary, closed loop, 64 calls at a time on one connection: what a call of about 3,200 B (784 floats as
 * tensor_content) with an answer of about 100 B costs infer-bench with everything recorded, beside h2load, the library
 * grpc-js and k6.
 *
 *     npm run build && npx tsx bench/grpc.ts [--rounds 5] [--seconds 6] [--smoke] [--jsonl FILE]
 *
 * "steady" and "whole" are those of bench/http.ts; the library's lane is the program with `--transport library`. The
 * server is a few lines of HTTP/2 frames in Node on core 0, clients on core 1. "lane" is the transport alone.
 *
 * Needs Linux, bash and taskset; uses h2load and k6 where they are on PATH.
 */
import type { WireRequest } from '../src/protocols/protocol.js';
import { bare } from './harness/bare.js';
import { client, inDirectory } from './harness/client.js';
import { atMost, bench } from './harness/figures.js';
import { rigFor } from './harness/flags.js';
import { type GrpcJob, h2load, k6Grpc } from './harness/grpc-peers.js';
import { versionOf } from './harness/processes.js';
import { type Contender, interleave, ratios, values } from './harness/rounds.js';
import { startGrpcServer } from './harness/servers.js';
import { type Slope, slope } from './harness/slope.js';

const STREAMS = 64;
const BUDGET_S = 420;
const GOALS = {
  h2load: { must: atMost(1.2), aim: atMost(1) },
  'grpc-js': { must: atMost(0.07) },
  k6: { must: atMost(0.1) },
} as const;

const own = bench('grpc', { rounds: 5, seconds: 6 });

await inDirectory(async (directory) => {
  const server = await startGrpcServer();
  own.facts({ server: server.name });
  try {
    const users = ['--users', String(STREAMS), '--connections', '1', '--pattern', 'constant', '--think-time', '0s'];
    const args = [`grpc://127.0.0.1:${server.port}`, '--protocol', 'tf-serving-grpc', ...users];
    const { rig } = await rigFor(args);
    const request = rig.pool.requests[0] as WireRequest;
    const job: GrpcJob = { request, port: server.port, streams: STREAMS, directory };
    const program = (check: string, lane: string) => (seconds: number) => {
      const how = ['--check', check, '--transport', lane, '--duration', `${seconds}s`];
      return client([...args, ...how], { seconds }, ({ summary, cpuS }) => {
        const { sent, ok } = summary.counts;
        if (sent !== ok) {
          throw new Error(`${sent - ok} of ${sent} calls failed`);
        }
        return { requests: sent, perS: sent / seconds, cpuS };
      });
    };
    const [peer, k6] = [h2load(), k6Grpc()];
    own.facts({ ...(peer && { h2load: versionOf('h2load') }), ...(k6 && { k6: versionOf('k6', ['version']) }) });
    const contenders: Contender<Slope>[] = [
      ...(peer ? [slope('h2load', own.options, (seconds) => peer(job, seconds))] : []),
      slope('recorded', own.options, program('none', 'wire')),
      ...(own.options.smoke ? [] : [slope('recorded and checked', own.options, program('shape', 'wire'))]),
      slope('lane', own.options, (seconds) => bare('lane', [...args, '--check', 'none'], seconds)),
      slope('grpc-js', own.options, program('none', 'library')),
      ...(k6 ? [slope('k6', own.options, (seconds) => k6(job, seconds))] : []),
    ];
    const rounds = await interleave(contenders, own.options, { budgetS: BUDGET_S, servers: [server] });
    const note = `message of ${request.body?.length} B`;
    for (const { name } of contenders) {
      const noisy = rounds.noisyOf(name);
      own.figure(
        `${name}: CPU, steady`,
        values(rounds, name, (run) => run.steadyUs),
        { unit: 'µs/call', noisy, note },
      );
      own.figure(
        `${name}: CPU, whole`,
        values(rounds, name, (run) => run.wholeUs),
        { unit: 'µs/call', noisy },
      );
      own.figure(
        `${name}: rate, steady`,
        values(rounds, name, (run) => run.steadyPerS),
        { unit: '/s', noisy },
      );
    }
    const names = contenders.map(({ name }) => name);
    for (const under of Object.keys(GOALS).filter((name) => names.includes(name)) as (keyof typeof GOALS)[]) {
      for (const over of names.filter((name) => !(name in GOALS))) {
        const noisy = rounds.noisyOf(over, under);
        const goals = over === 'recorded' ? GOALS[under] : {};
        const ratio = (of: (run: Slope) => number) => ratios(rounds, over, under, of);
        own.figure(
          `${over} : ${under}: CPU, steady`,
          ratio((run) => run.steadyUs),
          { ...goals, noisy },
        );
        own.figure(
          `${over} : ${under}: CPU, whole`,
          ratio((run) => run.wholeUs),
          { noisy },
        );
        own.figure(
          `${over} : ${under}: rate, steady`,
          ratio((run) => run.steadyPerS),
          { noisy },
        );
      }
    }
  } finally {
    await server.stop();
  }
});
own.finish();
