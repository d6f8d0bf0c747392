import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, describe, expect, it } from 'vitest';
import { cli, newDirectory, readRun } from '../support/cli.js';
import { expectAccounted, expectAllWell, shortRun } from './accounts.js';
import { describeWith, killForeign, startForeign } from './foreign.js';

const TWEETS = new URL('../../datasets/tweets.csv', import.meta.url);
const texts = new Set(
  (parse(readFileSync(TWEETS)) as readonly (readonly string[])[]).map((columns) => columns[3] as string),
);
const itemsOf = ({ texts: { length } }: { readonly texts: readonly string[] }) => length;

afterAll(killForeign);

/** Runs our client against a server of the seeds; what the two of them wrote. */
async function measure(
  script: string,
  server: readonly string[],
  words: readonly string[],
  load?: Parameters<typeof shortRun>[0],
) {
  const foreign = await startForeign(script, server);
  const cwd = newDirectory();
  const end = await cli(['run', `http://127.0.0.1:${foreign.port}`, ...shortRun(load), ...words], { cwd });
  const rows = await foreign.stop();
  return { end, rows, run: readRun(join(cwd, 'r')) };
}

describeWith('fastapi', 'our client against FastAPI on uvicorn', () => {
  describe.concurrent.each(['wire', 'library'])('over the %s lane', (lane) => {
    it('asks GET /?query= about every text as it is in the dataset, and has a row for each request', async () => {
      const { end, rows, run } = await measure('sentiment.py', [], ['--transport', lane]);
      expectAllWell(end, run);
      expectAccounted(run, rows, itemsOf);
      const asked = rows.flatMap((row) => row.texts);
      expect(asked.length).toBeGreaterThan(20);
      expect(asked.filter((text) => !texts.has(text))).toEqual([]);
      // Those that a careless client cuts short or sends as something else.
      expect(asked.some((text) => /[#&+]/.test(text))).toBe(true);
      expect(asked.some((text) => /[^\0-\x7f]/.test(text))).toBe(true);
    });

    it('posts batches to /predict, and has a row for each request', async () => {
      const words = ['--protocol', 'predict', '--batch-size', '10', '--transport', lane];
      const { end, rows, run } = await measure('predict.py', [], words);
      expectAllWell(end, run);
      expectAccounted(run, rows, itemsOf);
      expect(new Set(rows.map(itemsOf))).toEqual(new Set([10]));
      expect(rows.flatMap((row) => row.texts).filter((text) => !texts.has(text))).toEqual([]);
    });

    it('reads answers in chunks that end anywhere', async () => {
      const words = ['--protocol', 'predict', '--batch-size', '3', '--transport', lane];
      const { end, rows, run } = await measure('predict.py', ['--chunk-bytes', '7'], words);
      expectAllWell(end, run);
      expectAccounted(run, rows, itemsOf);
    });

    it('counts the answers that a full server refused as failures, no more and no fewer', async () => {
      const words = ['--protocol', 'predict', '--transport', lane];
      const { rows, run } = await measure('predict.py', ['--fail-every', '3'], words);
      for (const { sample, row } of expectAccounted(run, rows, itemsOf)) {
        expect(sample.outcome).toBe(row.status === 200 ? 'ok' : 'http_5xx');
      }
      const refused = rows.filter(({ status }) => status === 503).length;
      expect(refused).toBe(Math.floor(rows.length / 3));
      expect(run.summary.counts).toMatchObject({ ok: rows.length - refused, failed: refused });
      expect(run.summary.latency.n).toBe(rows.length - refused);
    });

    it('loses no request when the server closes connections while their users think', async () => {
      const pauses = { users: 2, think: '3s', duration: '7s' };
      const words = ['--transport', lane];
      const { end, rows, run } = await measure('sentiment.py', ['--keep-alive-s', '1'], words, pauses);
      expectAllWell(end, run);
      expectAccounted(run, rows, itemsOf);
      // The first connections, and a new one for every pause.
      expect(run.summary.connections.fresh).toBe(rows.length);
      expect(rows.length).toBeGreaterThanOrEqual(4);
    });
  });

  it('knows hits from misses as the server did, request for request', async () => {
    const words = ['--protocol', 'predict', '--batch-size', '2', '--repeat-rate', '0.5'];
    const { end, rows, run } = await measure('predict.py', [], words);
    expectAllWell(end, run);
    for (const { sample, row } of expectAccounted(run, rows, itemsOf)) {
      expect(sample.cache).toBe(row.cache.toLowerCase());
    }
    const hits = rows.filter(({ cache }) => cache === 'Hit').length;
    expect(hits).toBeGreaterThan(0);
    expect(hits).toBeLessThan(rows.length);
    expect(run.summary.cache).toMatchObject({ hit: { n: hits }, miss: { n: rows.length - hits } });
  });

  it('takes a server that says nothing of a cache for one without', async () => {
    const { run } = await measure('predict.py', ['--no-cache'], ['--protocol', 'predict']);
    expect(new Set(run.samples.map(({ cache }) => cache))).toEqual(new Set(['']));
    expect(run.summary.cache).toBeNull();
  });

  it('looks at /health before each POST /predict, each an endpoint of its own', async () => {
    const { end, rows, run } = await measure('predict.py', [], ['--protocol', 'predict', '--with-health']);
    expectAllWell(end, run);
    for (const { sample, row } of expectAccounted(run, rows, itemsOf)) {
      expect(`/${sample.endpoint}`).toBe(row.path);
    }
    const looks = rows.filter(({ path }) => path === '/health').length;
    expect(Math.abs(looks - rows.length / 2)).toBeLessThanOrEqual(4);
  });

  it('sends what a user wrote for it, every text as it is in the dataset', async () => {
    const body = ['--path', '/predict', '--body', '{"text":["{{text}}"]}', '--dataset', 'tweets'];
    const expected = ['--expect', '$.predictions[0][0].label=NEGATIVE'];
    const { end, rows, run } = await measure('predict.py', [], ['--protocol', 'http', ...body, ...expected]);
    expectAllWell(end, run);
    expectAccounted(run, rows, itemsOf);
    expect(rows.flatMap((row) => row.texts).filter((text) => !texts.has(text))).toEqual([]);
  });

  it('says of a server without the route what it answered', async () => {
    const { end, rows, run } = await measure('sentiment.py', [], ['--protocol', 'predict']);
    expect(end.code).toBe(4);
    expect(new Set(rows.map(({ status, path }) => `${status} ${path}`))).toEqual(new Set(['404 /predict']));
    expect(run.summary.failures).toMatchObject([{ outcome: 'http_4xx', origin: 'target' }]);
  });
});
