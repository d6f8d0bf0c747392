import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, newDirectory, readRun, startCli } from '../support/cli.js';

/** The experiment runs 20 times as fast as the original: ten and a half minutes are 31.5 s, a minute in the cache is 3 s. */
const STAGES = '1500ms:10,21s:10,9s:0';
const CACHE_TTL_MS = 3_000;
/** What a prediction takes that is not in the cache. */
const COMPUTE_MS = 40;

const PAIR = [
  { label: 'NEGATIVE', score: 0.25 },
  { label: 'POSITIVE', score: 0.75 },
];

/** A server of its own that counts what it is asked, with a cache keyed by the texts in their order. */
class MlapiServer {
  health = 0;
  hits = 0;
  misses = 0;
  batches = new Set<number>();
  readonly #expiries = new Map<string, number>();
  readonly #server: Server = createServer(async (request, response) => {
    if (request.url === '/health') {
      this.health++;
      response.end('{"status":"healthy"}');
      return;
    }
    const body = await new Response(request as never).text();
    const { text } = JSON.parse(body) as { readonly text: readonly string[] };
    this.batches.add(text.length);
    const isHit = (this.#expiries.get(body) ?? 0) > performance.now();
    if (isHit) {
      this.hits++;
    } else {
      // Misses at the same time are all computed, as the original does.
      this.misses++;
      await new Promise((resolve) => setTimeout(resolve, COMPUTE_MS));
      this.#expiries.set(body, performance.now() + CACHE_TTL_MS);
    }
    response.setHeader('X-MLAPI-Cache', isHit ? 'Hit' : 'Miss');
    response.end(JSON.stringify({ predictions: text.map(() => PAIR) }));
  });

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** An experiment with a server of its own; `run` and `stdout` are there once it has ended. */
interface Experiment {
  readonly example: string;
  readonly rate: number;
  readonly server: MlapiServer;
  run?: ReturnType<typeof readRun>;
  stdout?: string;
}

const EXPERIMENTS: readonly Experiment[] = [
  { example: 'mlapi-cache-95.yaml', rate: 0.95, server: new MlapiServer() },
  { example: 'mlapi-cache-50.yaml', rate: 0.5, server: new MlapiServer() },
];

// Side by side: each takes half a minute in which it mostly waits.
beforeAll(async () => {
  await Promise.all(
    EXPERIMENTS.map(async (experiment) => {
      const { example, server } = experiment;
      const cwd = newDirectory();
      const file = fileURLToPath(new URL(`../../examples/${example}`, import.meta.url));
      const end = await cli(['run', await server.start(), '-f', file, '--stage', STAGES, '--out', 'r'], { cwd });
      expect(end.stderr).not.toContain('error');
      experiment.run = readRun(join(cwd, 'r'));
      experiment.stdout = end.stdout;
    }),
  );
}, 90_000);
afterAll(() => {
  for (const { server } of EXPERIMENTS) {
    server.close();
  }
});

describe.each(EXPERIMENTS)('$example', (experiment) => {
  const { rate, server } = experiment;
  let run: ReturnType<typeof readRun>;
  let stdout: string;

  beforeAll(() => {
    run = experiment.run as ReturnType<typeof readRun>;
    stdout = experiment.stdout as string;
  });

  it('climbs to ten users and down again, and nothing fails', () => {
    expect(Math.max(...run.rawUsers.map(([, users]) => users))).toBe(10);
    expect(run.rawUsers.at(-1)?.[1]).toBe(0);
    expect(run.summary.counts.ok).toBe(run.summary.counts.planned);
    expect(server.batches).toEqual(new Set([10]));
  });

  it('asks /health before each /predict, by the same user, and counts both as the server does', () => {
    const [predict, health] = run.summary.endpoints;
    expect([predict.endpoint, health.endpoint]).toEqual(['predict', 'health']);
    expect(health.counts.sent).toBe(server.health);
    expect(predict.counts.sent).toBe(server.hits + server.misses);
    const bySeq = new Map(run.samples.map((sample) => [Number(sample.seq), sample]));
    const predicted = run.samples.filter((sample) => sample.endpoint === 'predict');
    expect(predicted.length).toBeGreaterThan(500);
    const alone = predicted.filter(({ seq, user, start_us }) => {
      const before = bySeq.get(Number(seq) - 1);
      return before?.endpoint !== 'health' || before.user !== user || Number(before.end_us) > Number(start_us);
    });
    expect(alone).toEqual([]);
    // Users who were sent away between the two.
    expect(health.counts.sent - predict.counts.sent).toBeLessThanOrEqual(20);
  });

  it('measures the hit rate as the server counted it: the cache rate but for the repeated request that ran out', () => {
    const { cache, repeats } = run.summary;
    expect([cache.hit.n, cache.miss.n]).toEqual([server.hits, server.misses]);
    expect(cache.hit_ratio).toBeLessThanOrEqual(rate + 0.01);
    expect(cache.hit_ratio).toBeGreaterThan(rate - 0.1);
    expect(Math.abs(repeats.repeated_ratio - rate)).toBeLessThan(0.02);
    expect(run.summary.run.repeat_rate_ratio).toBe(rate);
    const hits = run.samples.filter((sample) => sample.cache === 'hit').length;
    expect(hits).toBe(server.hits);
    expect(run.samples.some((sample) => sample.endpoint === 'health' && sample.cache !== '')).toBe(false);
  });

  it('has the percentiles of both endpoints, and of hits and misses, apart', () => {
    const { endpoints, cache, latency } = run.summary;
    expect(endpoints[0].latency.n + endpoints[1].latency.n).toBe(latency.n);
    expect(cache.miss.latency.min_ms).toBeGreaterThanOrEqual(COMPUTE_MS - 2);
    expect(cache.hit.latency.p50_ms).toBeLessThan(cache.miss.latency.min_ms);
    for (const row of ['predict', 'health', 'cache hit', 'cache miss']) {
      expect(stdout).toMatch(new RegExp(`^ *${row} +\\d`, 'm'));
    }
  });
});

/**
 * Latencies are a quarter of the original's, so its threshold of 2 s is 500 ms. Its hits and health checks took 60 ms each
 * on their way: a pause stands in for that. Misses are served one after the other, as by a pod whose inference blocks it.
 */
describe('the threshold of the experiment, http_req_duration: p(99)<2000', () => {
  const SERVER = ['serve', 'predict', '--port', '0', '--cache-ttl', '15s', '--service-time', 'exponential:60ms'];
  const SCALED = [
    '--stage',
    '1500ms:10,15s:10,4s:0',
    '--think-time',
    '30ms',
    '--threshold',
    'http_req_duration: p(99)<500',
  ];

  it.concurrent.each([
    ['mlapi-cache-95.yaml', true],
    ['mlapi-cache-50.yaml', false],
  ])('%s, against the embedded server: met is %s', async (example, isMet) => {
    const server = startCli([...SERVER, '--concurrency', '1']);
    try {
      const [said] = await once(server.process.stdout as NodeJS.ReadableStream, 'data');
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(said))?.[0] as string;
      const cwd = newDirectory();
      const file = fileURLToPath(new URL(`../../examples/${example}`, import.meta.url));
      const end = await cli(['run', url, '-f', file, ...SCALED, '--out', 'r'], { cwd });
      const { summary } = readRun(join(cwd, 'r'));
      expect(summary.thresholds).toMatchObject([
        { metric: 'latency', population: 'all_inf', endpoint: null, n: summary.latency.n, pass: isMet },
      ]);
      expect(summary.thresholds[0].value).toBe(summary.latency_all_inf.p99_ms);
      expect(summary.cache.miss.n).toBeGreaterThan(100);
      expect(end.code).toBe(isMet ? 0 : 99);
      expect(end.stdout).toContain(`${isMet ? '✓' : '✗'} http_req_duration: p(99)<500`);
    } finally {
      server.process.kill();
      await server.end;
    }
  });
});
