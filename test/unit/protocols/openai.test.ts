import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Item } from '../../../src/datasets/dataset.js';
import { type Given, readFlags } from '../../../src/flags.js';
import { openaiChat, openaiCompletions, openaiEmbeddings } from '../../../src/protocols/openai.js';
import type { BodyPieces, ProtocolKind } from '../../../src/protocols/protocol.js';
import { protocolContract } from '../../contract/protocol.js';

const text = (value: string): Item => ({ kind: 'text', text: value });
const fixture = (name: string) => readFileSync(new URL(`../../fixtures/openai/${name}`, import.meta.url));

/** A codec with these flags, as a user would type them. */
async function codec(kind: ProtocolKind, flags: Readonly<Record<string, string>> = {}, basePath = '') {
  const given: Given = new Map(Object.entries(flags).map(([name, word]) => [name, [word]]));
  const problems: string[] = [];
  const made = await kind.create(readFlags(kind.flags, given, problems), basePath);
  expect(problems).toEqual([]);
  return {
    ...made,
    sent: (...texts: readonly string[]) => {
      const { body, ...request } = made.encode(texts.map(text));
      return { ...request, json: JSON.parse(String(body)) };
    },
    read: (body: string | Buffer, pieces?: BodyPieces, batch = 1) =>
      made.decode({ status: 200, headers: {}, body: Buffer.from(body as string), pieces }, { batch }),
  };
}

const chat = await codec(openaiChat);
const chatStream = await codec(openaiChat, { stream: 'true' });
const completions = await codec(openaiCompletions);
const completionsStream = await codec(openaiCompletions, { stream: 'true' });
const embeddings = await codec(openaiEmbeddings);

describe('a request', () => {
  it('for a chat is a message of the user', () => {
    const { json, ...request } = chat.sent('Hi 👋');
    expect(request).toEqual({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      batch: 1,
    });
    expect(json).toEqual({ model: 'babble', messages: [{ role: 'user', content: 'Hi 👋' }] });
  });

  it('for a completion is a prompt', () => {
    const { path, json } = completions.sent('Once');
    expect(path).toBe('/v1/completions');
    expect(json).toEqual({ model: 'babble', prompt: 'Once' });
  });

  it.each([
    [openaiChat, { messages: [{ role: 'user', content: 'x' }] }],
    [openaiCompletions, { prompt: 'x' }],
  ])('that streams asks for the usage, and for the times of its parts', async (kind, prompt) => {
    const { sent } = await codec(kind, { stream: 'true', 'max-tokens': '7', model: 'm' });
    const { json, stream, headers } = sent('x');
    expect(stream).toBe(true);
    expect(headers.accept).toBe('text/event-stream');
    const options = { stream: true, stream_options: { include_usage: true }, max_tokens: 7 };
    expect(json).toEqual({ model: 'm', ...prompt, ...options });
  });

  it('for embeddings has the texts of the batch', async () => {
    const { path, json, batch } = embeddings.sent('a', 'b', 'c');
    expect([path, batch]).toEqual(['/v1/embeddings', 3]);
    expect(json).toEqual({ model: 'sentiment', input: ['a', 'b', 'c'], encoding_format: 'float' });
    const base64 = await codec(openaiEmbeddings, { encoding: 'base64', model: 'm' });
    expect(base64.sent('a').json).toEqual({ model: 'm', input: ['a'], encoding_format: 'base64' });
  });

  it('carries any text whole', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(chat.sent(value).json.messages[0].content).toBe(value.toWellFormed());
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['', '/v1/chat/completions'],
    ['/', '/v1/chat/completions'],
    ['/v1', '/v1/chat/completions'],
    ['/v1/', '/v1/chat/completions'],
    ['/openai', '/openai/v1/chat/completions'],
    ['/openai/v1', '/openai/v1/chat/completions'],
    ['/api/v3', '/api/v3/chat/completions'],
    ['/x/chat/completions', '/x/chat/completions'],
  ])('to a URL with the path %j goes to %s', async (base, path) => {
    expect((await codec(openaiChat, {}, base)).sent('x').path).toBe(path);
  });

  it('has an endpoint with the name that was asked for', async () => {
    expect([chat, completions, embeddings].map(({ endpoints }) => endpoints)).toEqual([
      ['chat'],
      ['completions'],
      ['embeddings'],
    ]);
    expect((await codec(openaiChat, { 'endpoint-name': 'llama/8b' })).endpoints).toEqual(['llama/8b']);
    const problems: string[] = [];
    readFlags(openaiChat.flags, new Map([['endpoint-name', ['a,b']]]), problems);
    expect(problems[0]).toContain('must be a word');
  });
});

describe('a whole answer', () => {
  const choice = (content: unknown) => JSON.stringify({ choices: [{ index: 0, message: { content } }] });

  it('of the published form is ok, with the tokens of its usage', () => {
    expect(chat.read(fixture('chat.json'))).toEqual({ outcome: 'ok', tokensOut: 2 });
    expect(completions.read(fixture('completions.json'))).toEqual({ outcome: 'ok', tokensOut: 3 });
  });

  it.each([
    ['without usage', choice('x'), undefined],
    ['with nothing but reasoning', choice(null), undefined],
    [
      'with a usage that is none',
      `{"choices":[{"message":{"content":""}}],"usage":{"completion_tokens":"7"}}`,
      undefined,
    ],
    ['of no token', `{"choices":[{"message":{"content":""}}],"usage":{"completion_tokens":0}}`, 0],
  ])('%s is ok', (_what, body, tokensOut) => {
    expect(chat.read(body)).toEqual({ outcome: 'ok', tokensOut });
  });

  it.each([
    ['{"choices":[]}', 'schema_mismatch', 'Wanted a list "choices"'],
    ['[]', 'schema_mismatch', 'Wanted a list "choices"'],
    ['{"choices":[{"text":"x"}]}', 'schema_mismatch', 'Choice 0: Wanted a message'],
    ['{"choices":[null]}', 'schema_mismatch', 'Choice 0: Wanted an object'],
    [choice(7), 'schema_mismatch', 'Choice 0: Wanted a message'],
    [
      '{"error":{"message":"overloaded","type":"server_error"}}',
      'schema_mismatch',
      'The answer is an error: overloaded',
    ],
    ['{"error":"boom"}', 'schema_mismatch', 'The answer is an error: "boom"'],
    ['data: {"choices":[]}\n\n', 'invalid_json', 'Not JSON'],
  ])('%s is none', (body, outcome, detail) => {
    const decoded = chat.read(body);
    expect(decoded.outcome).toBe(outcome);
    expect(decoded.detail).toContain(detail);
    expect(completions.read('{"choices":[{"message":{"content":"x"}}]}').outcome).toBe('schema_mismatch');
  });
});

/** Pieces that come every 10 ms, the first at 1 s, each with one event. */
function eventByEvent(body: Buffer): BodyPieces {
  const ends = [...body.toString('latin1').matchAll(/\r?\n\r?\n/g)].map((match) => match.index + match[0].length);
  return { endBytes: ends, atUs: ends.map((_, nth) => 1_000_000 + 10_000 * nth) };
}

describe('a streamed answer', () => {
  it('of the published form is timed from its first text: a role is none', () => {
    const body = fixture('chat-stream.sse');
    expect(chatStream.read(body, eventByEvent(body))).toEqual({
      outcome: 'ok',
      tokensOut: 3,
      chunks: 3,
      firstTokenUs: 1_010_000,
      lastTokenUs: 1_030_000,
      gapsUs: [10_000, 10_000],
    });
  });

  it('with pings, CRLF and reasoning is timed from the reasoning', () => {
    const body = fixture('chat-stream-reasoning.sse');
    expect(chatStream.read(body, eventByEvent(body))).toEqual({
      outcome: 'ok',
      tokensOut: 4,
      chunks: 3,
      firstTokenUs: 1_020_000,
      lastTokenUs: 1_050_000,
      gapsUs: [10_000, 20_000],
    });
  });

  it('of a completion is timed alike', () => {
    const body = fixture('completions-stream.sse');
    expect(completionsStream.read(body, eventByEvent(body))).toMatchObject({
      outcome: 'ok',
      tokensOut: 2,
      chunks: 2,
      firstTokenUs: 1_000_000,
      gapsUs: [10_000],
    });
  });

  it('may be cut into pieces anywhere: a chunk came when its last byte did', () => {
    for (const name of ['chat-stream.sse', 'chat-stream-reasoning.sse']) {
      const body = fixture(name);
      const wanted = chatStream.read(body, eventByEvent(body));
      fc.assert(
        fc.property(fc.uniqueArray(fc.nat({ max: body.length - 1 }), { maxLength: 40 }), (cuts) => {
          const whole = eventByEvent(body);
          // Each cut makes a piece that comes a little before the one that completes its event.
          const early = cuts.map((cut) => ({
            endByte: cut + 1,
            atUs: (whole.atUs[whole.endBytes.findIndex((end) => cut < end)] as number) - 1_000,
          }));
          const ends = whole.endBytes.map((endByte, nth) => ({ endByte, atUs: whole.atUs[nth] as number }));
          const inTheMiddle = early.filter(({ endByte }) => !isBlank(body, endByte));
          const all = [...inTheMiddle, ...ends].sort((a, b) => a.endByte - b.endByte || a.atUs - b.atUs);
          const pieces = { endBytes: all.map(({ endByte }) => endByte), atUs: all.map(({ atUs }) => atUs) };
          expect(chatStream.read(body, pieces)).toEqual(wanted);
        }),
      );
    }
  });

  it('that came all at once has no times, but its tokens', () => {
    const body = fixture('chat-stream.sse');
    expect(chatStream.read(body, { endBytes: [body.length], atUs: [9] })).toEqual({
      outcome: 'ok',
      tokensOut: 3,
      chunks: 3,
    });
  });

  it('without noted times has only its tokens', () => {
    expect(chatStream.read(fixture('chat-stream.sse'))).toEqual({ outcome: 'ok', tokensOut: 3 });
  });

  const chunk = (delta: string, finish = 'null') =>
    `data: {"choices":[{"delta":${delta},"finish_reason":${finish}}]}\n\n`;
  const DONE = 'data: [DONE]\n\n';

  it.each([
    ['with [DONE] and no finish_reason', chunk('{"content":"a"}') + DONE],
    ['with a finish_reason and no [DONE]', chunk('{"content":"a"}', '"stop"')],
    ['whose [DONE] has no blank line', `${chunk('{"content":"a"}')}data: [DONE]`],
    ['with bytes behind [DONE]', `${chunk('{"content":"a"}')}${DONE}data: {"error":{}}\n\n`],
    ['with error null in its chunks', `data: {"error":null,"choices":[{"delta":{"content":"a"}}]}\n\n${DONE}`],
    ['without any text', chunk('{"role":"assistant","content":""}') + chunk('{}', '"stop"') + DONE],
  ])('%s is ok, without a usage without tokens', (_what, body) => {
    expect(chatStream.read(body)).toEqual({ outcome: 'ok', tokensOut: undefined });
  });

  it('without any text has no chunk with content, and no first token', () => {
    const body = Buffer.from(chunk('{"role":"assistant","content":""}') + chunk('{}', '"stop"') + DONE);
    const decoded = chatStream.read(body, eventByEvent(body));
    expect(decoded).toEqual({ outcome: 'ok', tokensOut: undefined, chunks: 0 });
  });

  it.each([
    ['that is cut between two events', chunk('{"content":"a"}'), 'stream_truncated', 'without a finish_reason'],
    ['that is cut within an event', `${chunk('{"content":"a"}')}data: {"choi`, 'stream_truncated', 'without a finish'],
    ['of no byte', '', 'stream_truncated', 'without a finish_reason'],
    ['of pings', ': ping\n\n: ping\n\n', 'stream_protocol', 'Wanted a stream of events'],
    ['that is none', '{"choices":[{"message":{"content":"a"}}]}', 'stream_protocol', 'Wanted a stream of events'],
    ['of nothing but its end', DONE, 'stream_protocol', 'before it had a choice'],
    ['with an event that is not JSON', `data: {"choices"\n\n${DONE}`, 'invalid_json', 'Event 1'],
    ['with an event of another form', `data: {"foo":1}\n\n${DONE}`, 'schema_mismatch', 'Event 1'],
    ['with a choice that is none', `data: {"choices":[7]}\n\n${DONE}`, 'schema_mismatch', 'Event 1'],
    ['with a choice of another API', `data: {"choices":[{"text":"a"}]}\n\n${DONE}`, 'schema_mismatch', 'Event 1'],
    ['with an error in its data', `data: {"error":{"message":"no memory"}}\n\n`, 'stream_error', 'no memory'],
    ['with an error beside choices', `data: {"error":"no","choices":[]}\n\n${DONE}`, 'stream_error', '"no"'],
    ['with an error as text', 'event: error\ndata: out of luck\n\n', 'stream_error', 'out of luck'],
    ['with an error after text', fixture('chat-stream-error.sse'), 'stream_error', 'The server had an error'],
  ])('%s fails', (_what, body, outcome, detail) => {
    const decoded = chatStream.read(body);
    expect(decoded.outcome).toBe(outcome);
    expect(decoded.detail).toContain(detail);
  });

  it('is never an exception, whatever its events say', () => {
    const data = fc.oneof(fc.json({ maxDepth: 4 }), fc.constant('{"choices":[{"delta":{}}]}'), fc.string());
    fc.assert(
      fc.property(fc.array(data, { maxLength: 5 }), (all) => {
        const body = Buffer.from(`${all.map((one) => `data: ${one}\n\n`).join('')}`);
        const decoded = chatStream.read(body, { endBytes: [body.length], atUs: [1] });
        expect(decoded.outcome === 'ok' || Boolean(decoded.detail)).toBe(true);
      }),
    );
  });
});

/** Whether the bytes up to an offset end inside or after a blank line: the event is known there already. */
function isBlank(body: Buffer, endByte: number): boolean {
  return /(\n\r?\n|\r\n\r|\n\r)$/.test(body.toString('latin1', 0, endByte));
}

describe('embeddings', () => {
  it('of the published form are ok', async () => {
    expect(embeddings.read(fixture('embeddings.json'), undefined, 2)).toEqual({ outcome: 'ok' });
    const base64 = await codec(openaiEmbeddings, { encoding: 'base64' });
    expect(base64.read(fixture('embeddings-base64.json'), undefined, 2)).toEqual({ outcome: 'ok' });
    expect(base64.read(fixture('embeddings.json'), undefined, 2).outcome).toBe('schema_mismatch');
    expect(embeddings.read(fixture('embeddings-base64.json'), undefined, 2).outcome).toBe('schema_mismatch');
  });

  const one = (embedding: string, index = 0) => `{"index":${index},"embedding":${embedding}}`;

  it.each([
    ['float', `{"data":[${one('[1]')}]}`, 'Wanted 2 embeddings, got 1'],
    ['float', `{"data":[${one('[1]')},${one('[1]')}]}`, 'Wanted the embedding with index 1'],
    ['float', `{"data":[${one('[1]')},${one('[1,2]', 1)}]}`, 'Embedding 1 has 2 numbers, the first one 1'],
    ['float', `{"data":[${one('[]')},${one('[]', 1)}]}`, 'Embedding 0: wanted a list of numbers'],
    ['float', `{"data":[${one('[1]')},${one('["1"]', 1)}]}`, 'Embedding 1: wanted a list of numbers'],
    ['float', `{"data":[${one('[1e999]')},${one('[1]', 1)}]}`, 'Embedding 0: wanted a list of numbers'],
    ['base64', `{"data":[${one('"AAAA"')},${one('"AAAA"', 1)}]}`, 'Embedding 0: wanted float32 in base64'],
    ['base64', `{"data":[${one('"AA€A"')},${one('"AAAA"', 1)}]}`, 'Embedding 0: wanted float32 in base64'],
    ['float', '{"error":{"message":"too long"}}', 'The answer is an error: too long'],
    ['float', '{"choices":[]}', 'Wanted a list "data"'],
  ])('in %s %s are none', async (encoding, body, detail) => {
    const decoded = (await codec(openaiEmbeddings, { encoding })).read(body, undefined, 2);
    expect(decoded.outcome).toBe('schema_mismatch');
    expect(decoded.detail).toContain(detail);
  });
});

describe.each([
  ['chat', openaiChat],
  ['completions', openaiCompletions],
])('%s as a stream', (_name, kind) => {
  protocolContract(kind, () => codec(kind, { stream: 'true' }));
});
