import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { monotonicNs } from '../../src/clock.js';
import { createHttpServer, type HttpServer } from '../../src/server/http.js';
import { openaiProblem, openaiRoutes } from '../../src/server/openai.js';
import { createTruthLog, type TruthLog } from '../../src/server/truth-log.js';

/** Long enough apart to be told apart on a busy machine, short enough for a test. */
const TIMING = { firstMs: 40, gapMs: 5 };

let directory: string;
let truthLog: TruthLog;
let server: HttpServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'server-openai-'));
  truthLog = await createTruthLog(join(directory, 'truth.csv'));
  server = await createHttpServer({
    host: '127.0.0.1',
    port: 0,
    groups: [{ routes: openaiRoutes(TIMING), problem: openaiProblem, maxBodyBytes: 1_000_000 }],
    truthLog,
  });
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const url = (path: string) => `http://127.0.0.1:${server.address.port}${path}`;

/** JSON of which nothing is known: what a test looks at is what it tests. */
// biome-ignore lint/suspicious/noExplicitAny: the tests look at it in many ways
async function jsonOf(response: Response | Promise<Response>): Promise<any> {
  return (await response).json();
}

function post(path: string, body: object | string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(url(path), { method: 'POST', body: text, headers });
}

const chat = (more: object = {}) => ({
  model: 'babble',
  messages: [{ role: 'user', content: 'Say something' }],
  ...more,
});

/** The parts of a stream, each with the ms since the request at which it was read. */
async function parts(response: Response, beganNs: bigint) {
  const seen: { text: string; atMs: number }[] = [];
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    seen.push({ text: Buffer.from(bytes).toString(), atMs: Number(monotonicNs() - beganNs) / 1e6 });
  }
  return seen;
}

const eventsOf = (text: string) =>
  text
    .split('\n\n')
    .filter(Boolean)
    .map((event) => event.replace(/^data: /, ''));

interface Chunk {
  readonly choices: readonly {
    readonly delta?: { readonly role?: string; readonly content?: string };
    readonly text?: string;
    readonly finish_reason: string | null;
  }[];
  readonly usage?: { readonly completion_tokens: number; readonly total_tokens: number } | null;
}

describe('chat completions', () => {
  it('are the same each time, with the tokens counted, and take as long as their tokens', async () => {
    const beganNs = monotonicNs();
    const response = await post('/v1/chat/completions', chat());
    const answer = await jsonOf(response);
    const tookMs = Number(monotonicNs() - beganNs) / 1e6;
    expect(response.status).toBe(200);
    const [choice] = answer.choices;
    const words = choice.message.content.split(' ');
    expect(answer).toMatchObject({ object: 'chat.completion', model: 'babble' });
    expect(choice).toMatchObject({ index: 0, message: { role: 'assistant' }, finish_reason: 'stop' });
    expect(answer.usage).toEqual({
      prompt_tokens: 2,
      completion_tokens: words.length,
      total_tokens: 2 + words.length,
    });
    expect(tookMs).toBeGreaterThanOrEqual(TIMING.firstMs + (words.length - 1) * TIMING.gapMs - 1);
    expect(await jsonOf(post('/v1/chat/completions', chat()))).toEqual(answer);
    const other = await jsonOf(post('/v1/chat/completions', chat({ seed: 5 })));
    expect(other.choices[0].message.content).not.toBe(choice.message.content);
  });

  it('as a stream say the same, the role at once and each token when it is due', async () => {
    const whole = await jsonOf(post('/v1/chat/completions', chat()));
    const beganNs = monotonicNs();
    const response = await post(
      '/v1/chat/completions',
      chat({ stream: true, stream_options: { include_usage: true } }),
    );
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const seen = await parts(response, beganNs);
    const events = eventsOf(seen.map(({ text }) => text).join(''));
    expect(events.pop()).toBe('[DONE]');
    const chunks = events.map((event) => JSON.parse(event) as Chunk);
    const usage = chunks.pop();
    expect(usage).toMatchObject({ choices: [], usage: whole.usage });
    expect(chunks.every((chunk) => chunk.usage === null)).toBe(true);
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
    expect(chunks.map(({ choices }) => choices[0]?.delta?.content ?? '').join('')).toBe(
      whole.choices[0].message.content,
    );
    expect(chunks.at(-1)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
    // Nothing comes before it is due; how much later depends on the machine.
    for (let nth = 0; nth < whole.usage.completion_tokens; nth++) {
      const atMs = seen.find((_, part) => contentsIn(seen.slice(0, part + 1)) > nth)?.atMs as number;
      expect(atMs).toBeGreaterThanOrEqual(TIMING.firstMs + nth * TIMING.gapMs - 1);
    }
  });

  it('without include_usage say nothing of usage', async () => {
    const text = await (await post('/v1/chat/completions', chat({ stream: true }))).text();
    expect(text).not.toContain('usage');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it.each([
    [{ max_tokens: 3 }, 3, 'length'],
    [{ max_completion_tokens: 1, max_tokens: 3 }, 1, 'length'],
    [{ max_tokens: 1000 }, undefined, 'stop'],
  ])('with %j end by %s tokens with %s', async (limits, most, finish) => {
    const { choices, usage } = await jsonOf(post('/v1/chat/completions', chat(limits)));
    expect(choices[0].finish_reason).toBe(finish);
    expect(usage.completion_tokens).toBe(most ?? usage.completion_tokens);
    expect(usage.completion_tokens).toBeLessThanOrEqual(16);
  });

  it('take contents in parts', async () => {
    const messages = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Say ' },
          { type: 'text', text: 'something' },
        ],
      },
    ];
    const [inParts, whole] = await Promise.all([
      post('/v1/chat/completions', { model: 'babble', messages }),
      post('/v1/chat/completions', chat()),
    ]);
    expect(await inParts.json()).toEqual(await whole.json());
  });

  it.each([
    ['a stream', true],
    ['a whole answer', false],
  ])('whose reader leaves before the end of %s stop, and the log says so', async (_what, stream) => {
    const leaving = new AbortController();
    const request = fetch(url('/v1/chat/completions'), {
      method: 'POST',
      body: JSON.stringify(chat({ stream })),
      headers: { 'x-request-id': 'left' },
      signal: leaving.signal,
    });
    if (stream) {
      await request;
      leaving.abort();
    } else {
      setTimeout(() => leaving.abort(), TIMING.firstMs / 2);
      await expect(request).rejects.toThrow();
    }
    expect((await post('/v1/completions', { model: 'babble', prompt: 'x', max_tokens: 2 })).status).toBe(200);
  });
});

/** How many chunks with content lie in the parts of a stream. */
function contentsIn(seen: readonly { readonly text: string }[]): number {
  const text = seen.map((part) => part.text).join('');
  return text.match(/"content":"[^"]/g)?.length ?? 0;
}

describe('completions', () => {
  it('go on from a prompt, whole and as a stream', async () => {
    const asked = { model: 'babble', prompt: ['Once upon'] };
    const whole = await jsonOf(post('/v1/completions', asked));
    expect(whole).toMatchObject({ object: 'text_completion', choices: [{ index: 0, finish_reason: 'stop' }] });
    const streamed = await (await post('/v1/completions', { ...asked, prompt: 'Once upon', stream: true })).text();
    const events = eventsOf(streamed);
    expect(events.pop()).toBe('[DONE]');
    const chunks = events.map((event) => JSON.parse(event) as Chunk);
    expect(chunks.map(({ choices }) => choices[0]?.text).join('')).toBe(whole.choices[0].text);
    expect(chunks.length).toBe(whole.usage.completion_tokens + 1);
  });
});

describe('embeddings', () => {
  const embed = async (more: object) =>
    (await post('/v1/embeddings', { model: 'sentiment', ...more })).json() as Promise<{
      data: { index: number; embedding: number[] }[];
      usage: object;
    }>;
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);

  it('are vectors of length 1, nearer for texts with words in common', async () => {
    const texts = ['the train was late again', 'the train was late today', 'a purple elephant'];
    const { data, usage } = await embed({ input: texts });
    const [a, b, c] = data.map(({ embedding }) => embedding) as [number[], number[], number[]];
    expect(data.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(a.length).toBe(64);
    expect(dot(a, a)).toBeCloseTo(1, 5);
    expect(dot(a, b)).toBeGreaterThan(dot(a, c));
    expect(usage).toEqual({ prompt_tokens: 13, total_tokens: 13 });
  });

  it('in base64 are the same numbers', async () => {
    const asked = { input: 'hello there', dimensions: 8 };
    const floats = (await embed(asked)).data[0]?.embedding as number[];
    const { data } = await embed({ ...asked, encoding_format: 'base64' });
    const bytes = Buffer.from(data[0]?.embedding as unknown as string, 'base64');
    expect(floats.map(Math.fround)).toEqual(Array.from({ length: 8 }, (_, place) => bytes.readFloatLE(4 * place)));
  });
});

describe('what the server does not do', () => {
  const request = chat();
  it.each([
    ['/v1/chat/completions', { ...request, model: 'gpt-7' }, 404, 'model_not_found'],
    ['/v1/chat/completions', { ...request, model: 'sentiment' }, 404, 'model_not_found'],
    ['/v1/chat/completions', { messages: [] }, 400, "'model'"],
    ['/v1/chat/completions', { model: 'babble' }, 400, "'messages'"],
    ['/v1/chat/completions', { model: 'babble', messages: [] }, 400, "'messages'"],
    ['/v1/chat/completions', { model: 'babble', messages: [{ role: 'user', content: 7 }] }, 400, 'messages[0]'],
    ['/v1/chat/completions', { model: 'babble', messages: [null] }, 400, 'messages[0]'],
    ['/v1/chat/completions', { ...request, n: 2 }, 400, "'n' must be 1"],
    ['/v1/chat/completions', { ...request, max_tokens: 0 }, 400, "'max_tokens'"],
    ['/v1/chat/completions', { ...request, seed: 'x' }, 400, "'seed'"],
    ['/v1/chat/completions', { ...request, stream_options: { include_usage: true } }, 400, 'stream_options'],
    ['/v1/chat/completions', '{"model":', 400, 'could not parse'],
    ['/v1/chat/completions', '[]', 400, 'could not parse'],
    ['/v1/completions', { model: 'babble' }, 400, "'prompt'"],
    ['/v1/completions', { model: 'babble', prompt: ['a', 'b'] }, 400, 'one text'],
    ['/v1/embeddings', { model: 'babble', input: 'x' }, 404, 'model_not_found'],
    ['/v1/embeddings', { model: 'sentiment', input: [] }, 400, "'input'"],
    ['/v1/embeddings', { model: 'sentiment', input: ['a', ''] }, 400, "'input'"],
    ['/v1/embeddings', { model: 'sentiment', input: 'a', encoding_format: 'int8' }, 400, 'encoding_format'],
    ['/v1/embeddings', { model: 'sentiment', input: 'a', dimensions: 0 }, 400, 'dimensions'],
    ['/v1/nothing', {}, 404, 'Not Found'],
  ])('%s %j is answered with %d', async (path, body, status, words) => {
    const response = await post(path, body);
    const text = await response.text();
    expect([response.status, Object.keys(JSON.parse(text).error)]).toEqual([
      status,
      ['message', 'type', 'param', 'code'],
    ]);
    expect(text).toContain(words);
  });
});

it('lists its models, and tells of each', async () => {
  const { data } = await jsonOf(fetch(url('/v1/models')));
  expect(data.map(({ id }: { id: string }) => id)).toEqual(['babble', 'sentiment']);
  expect(await jsonOf(fetch(url('/v1/models/babble')))).toEqual(data[0]);
  expect((await fetch(url('/v1/models/other'))).status).toBe(404);
  expect((await fetch(url('/health'))).status).toBe(200);
});

it('wrote a line for each request of this file, also for the one whose reader left', async () => {
  await post('/v1/embeddings', { model: 'sentiment', input: ['a', 'b', 'c'] }, { 'x-request-id': 'three' });
  await post('/v1/chat/completions', chat({ stream: true }), { 'x-request-id': 'stream' }).then((one) => one.text());
  await server.close();
  await truthLog.close();
  const [, ...lines] = readFileSync(join(directory, 'truth.csv'), 'utf8').trimEnd().split('\n');
  const cells = lines.map((line) => line.split(','));
  const named = (name: string) => cells.filter(([id]) => id === name).map(([, , , batch, status]) => [batch, status]);
  expect(named('three')).toEqual([['3', '200']]);
  expect(named('stream')).toEqual([['1', '200']]);
  expect(named('left')).toEqual([
    ['1', '499'],
    ['1', '499'],
  ]);
});
