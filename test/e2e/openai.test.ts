import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeAnswering, serverOf } from '../support/answering.js';
import { cli, newDirectory, readRun } from '../support/cli.js';
import { BUSY } from '../support/runs.js';

afterAll(closeAnswering);

const USERS = ['--pattern', 'constant', '--users', '4', '--think-time', '0', '--duration', '2s', '--out', 'run'];

/** A busy machine may say of itself that it was: that is no reason of the answers. */
async function run(...words: readonly string[]) {
  const cwd = newDirectory();
  const end = await cli(['run', ...words, ...USERS], { cwd });
  const { summary, samples } = readRun(join(cwd, 'run'));
  const codes = summary.verdict.reasons.map(({ code }: { code: string }) => code);
  return {
    ...end,
    summary,
    samples,
    reasons: codes.filter((code: string) => code === 'buffered_stream' || !BUSY.includes(code)),
    hlog: readFileSync(join(cwd, 'run', 'histograms.hlog'), 'utf8'),
  };
}

describe.each([
  ['one thread', []],
  ['two threads', ['--workers', '2']],
  ['the library lane', ['--transport', 'library']],
])('chat that streams from the embedded server, %s', async (_how, flags) => {
  const { summary, samples, stdout, stderr, hlog, reasons } = await run(
    '--protocol',
    'openai-chat',
    '--stream',
    ...flags,
  );
  const { tokens } = summary;

  it('is answered whole each time', () => {
    expect(stderr).not.toContain('error');
    // A machine that stands still for as long as an answer takes reads all of that at once.
    expect(reasons.filter((code: string) => code !== 'buffered_stream')).toEqual([]);
    expect(tokens.buffered_n).toBeLessThan(summary.counts.ok / 2);
    expect(summary.counts.ok).toBe(summary.counts.planned);
    expect(summary.counts.ok).toBeGreaterThan(20);
    expect(samples.every(({ endpoint }) => endpoint === 'chat')).toBe(true);
  });

  it('has a first token 20 ms after the request at the earliest, and gaps of about 4 ms', () => {
    expect(tokens.ttft.n).toBe(summary.counts.ok - tokens.buffered_n);
    expect(tokens.ttft.min_ms).toBeGreaterThanOrEqual(19);
    // Chunks that a busy machine reads together make single values smaller, not the middle one.
    expect(tokens.tpot.p50_ms).toBeGreaterThan(2);
    expect(tokens.itl_chunk.mean_ms).toBeGreaterThan(2);
    // The last token is there before the answer ends, and the first is a part of the whole.
    expect(tokens.ttft.p50_ms).toBeLessThan(summary.latency.p50_ms);
    expect(tokens).toMatchObject({ token_source: 'usage', tokens_per_chunk_mean: 1 });
  });

  it('has rows that add up to the summary', () => {
    const sum = (column: string) => samples.reduce((total, row) => total + Number(row[column]), 0);
    expect(sum('tokens_out')).toBe(tokens.tokens_out_n);
    expect(sum('chunks')).toBe(tokens.tokens_out_n);
    const timed = samples.filter(({ first_token_us }) => first_token_us !== '');
    expect(timed.length).toBe(tokens.ttft.n);
    expect(tokens.itl_chunk.n).toBe(timed.reduce((total, { chunks }) => total + Number(chunks) - 1, 0));
    for (const row of timed) {
      const times = [row.start_us, row.first_byte_us, row.first_token_us, row.last_token_us, row.end_us].map(Number);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
  });

  it('shows the metrics on the screen and has the gaps in the histogram log', () => {
    for (const name of ['TTFT', 'itl_chunk', 'TPOT', 'NTPOT', 'tokens']) {
      expect(stdout).toContain(name);
    }
    expect(Math.max(...stdout.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80);
    expect(hlog).toMatch(/^Tag=chat\.latency,/m);
    expect(hlog).toMatch(/^Tag=chat\.itl_chunk,/m);
  });
});

it('completions as whole answers have tokens per second, and no time to a first token', async () => {
  const { summary, samples, stdout, code } = await run('--protocol', 'openai-completions', '--max-tokens', '5');
  const { tokens } = summary;
  expect([0, 4]).toContain(code);
  expect(tokens).toMatchObject({ streams_n: 0, tokens_per_chunk_mean: null, ttft: { n: 0, p50_ms: null } });
  expect(tokens.tokens_out_n).toBe(5 * summary.counts.ok);
  // Five tokens take the server 36 ms.
  expect(tokens.ntpot.min_ms).toBeGreaterThanOrEqual(7);
  expect(samples[0]).toMatchObject({ endpoint: 'completions', tokens_out: '5', first_token_us: '', chunks: '' });
  expect(stdout).not.toContain('TTFT');
});

it('embeddings in batches have a vector for each text, and no tokens', async () => {
  const flags = ['--batch-size', '16', '--encoding', 'base64', '--endpoint-name', 'vectors'];
  const { summary, samples } = await run('--protocol', 'openai-embeddings', ...flags);
  expect(summary.counts.ok).toBe(summary.counts.planned);
  expect(summary.tokens).toBeNull();
  expect(samples[0]).toMatchObject({ endpoint: 'vectors', batch: '16' });
});

const chunk = (content: string) => `data: {"choices":[{"delta":{"content":"${content}"},"finish_reason":null}]}\n\n`;
const END = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

it('a proxy that collects the stream is told of, and the times it would have made are withheld', async () => {
  const url = await serverOf((_request, response) => {
    response.setHeader('content-type', 'text/event-stream');
    setTimeout(() => response.end(chunk('a') + chunk('b') + chunk('c') + END), 30);
  });
  const { summary, samples, reasons, stdout } = await run(url, '--protocol', 'openai-chat', '--stream');
  expect(summary.verdict.status).not.toBe('VALID');
  expect(reasons).toEqual(['buffered_stream']);
  expect(summary.tokens.buffered_n).toBe(summary.counts.ok);
  expect(summary.tokens.ttft).toMatchObject({ n: 0, p50_ms: null });
  expect(samples[0]).toMatchObject({ outcome: 'ok', chunks: '3', first_token_us: '' });
  expect(stdout).toContain('buffered_stream');
});

it.each([
  ['an error after the 200', `${chunk('a')}data: {"error":{"message":"no memory"}}\n\n`, 'stream_error', 'no memory'],
  ['no end', chunk('a'), 'stream_truncated', 'without a finish_reason or [DONE]'],
  ['no stream', '{"choices":[]}', 'stream_protocol', 'Wanted a stream of events'],
])('a stream with %s is a failure', async (_what, body, outcome, words) => {
  const url = await serverOf((_request, response) => response.end(body));
  const { summary, code, reasons } = await run(url, '--protocol', 'openai-chat', '--stream');
  expect(code).toBe(4);
  expect(reasons).toContain('no_success');
  expect(summary.failures[0]).toMatchObject({ outcome, origin: 'target', count: summary.counts.planned });
  expect(summary.failures[0].example).toContain(words);
  expect(summary.tokens).toBeNull();
});

it('a model that the server does not have is an HTTP failure with its own words', async () => {
  const { summary, code } = await run('--protocol', 'openai-chat', '--model', 'gpt-7', '--check', 'none');
  expect(code).toBe(4);
  expect(summary.failures[0]).toMatchObject({ outcome: 'http_4xx', origin: 'target' });
  expect(summary.failures[0].example).toMatch(/^The model `gpt-7` does not exist/);
});
