import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ForeignServer, SeenRow } from '../foreign.js';

/** What the mock does with a request: the model that it asks for says so. */
export type Manner = 'plain' | 'pings' | 'crumbs' | 'silent-about-usage' | 'error-after-200' | 'cut' | 'busy';

interface Asked {
  readonly model: Manner;
  readonly messages?: readonly { readonly role: string; readonly content: string }[];
  readonly prompt?: string;
  readonly input?: readonly string[];
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly encoding_format?: 'float' | 'base64';
}

/** A row with what a stream did: nanoseconds of CLOCK_MONOTONIC. */
export interface StreamRow extends SeenRow {
  /** Just before the first text was written, after a chunk that has a role alone; 0 for none. */
  readonly first_text_ns: number;
}

/** The tokens of every answer; the second one has characters of two and four bytes. */
export const TOKENS = ['The', ' größte 🌊', ' is', ' blue'] as const;
/** Pause before the first token and between tokens. */
const FIRST_MS = 60;
const GAP_MS = 15;
const VECTOR = [0.25, -0.5, 1];
const usage = { prompt_tokens: 7, completion_tokens: TOKENS.length, total_tokens: 7 + TOKENS.length };

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const nowNs = () => Number(process.hrtime.bigint());

/** The public API of OpenAI as far as its documentation goes, with plain node:http. */
export async function startOpenaiMock(): Promise<ForeignServer<StreamRow>> {
  const rows: StreamRow[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const recv_ns = nowNs();
    const asked = JSON.parse(await new Response(request as never).text()) as Asked;
    const texts = asked.input ?? [asked.prompt ?? (asked.messages?.at(-1)?.content as string)];
    const seen = {
      ids: [String(request.headers['x-request-id'])],
      recv_ns,
      path: String(request.url),
      texts,
      cache: '',
      time_remaining_s: 0,
      encoding: 'raw',
      batch: texts.length,
      images: [],
    } as const;
    const record = (status: number, first_text_ns = 0) =>
      rows.push({ ...seen, status, first_text_ns, send_ns: nowNs() });
    const say = (status: number, body: object) => {
      record(status);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };

    if (asked.model === 'busy') {
      say(429, {
        error: { message: 'Rate limit reached', type: 'requests', param: null, code: 'rate_limit_exceeded' },
      });
    } else if (request.url === '/v1/embeddings') {
      const packed = Buffer.from(Float32Array.from(VECTOR).buffer).toString('base64');
      const embedding = asked.encoding_format === 'base64' ? packed : VECTOR;
      const data = texts.map((_, index) => ({ object: 'embedding', index, embedding }));
      say(200, { object: 'list', data, model: asked.model, usage: { prompt_tokens: 7, total_tokens: 7 } });
    } else if (asked.stream) {
      const first = await stream(asked, response);
      record(200, first);
      response.end();
    } else {
      const content = TOKENS.join('');
      const choice = asked.messages
        ? { index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: null, finish_reason: 'stop' }
        : { index: 0, text: content, logprobs: null, finish_reason: 'stop' };
      say(200, { ...head(asked, asked.messages ? 'chat.completion' : 'text_completion'), choices: [choice], usage });
    }
  }

  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      return rows;
    },
  };
}

function head({ model }: Asked, object: string): object {
  return { id: 'answer-1', object, created: 1_700_000_000, model, system_fingerprint: 'fp_mock' };
}

/** Writes a stream but for its end; when its first text was written. */
async function stream(asked: Asked, response: ServerResponse): Promise<number> {
  const isChat = asked.messages !== undefined;
  const object = isChat ? 'chat.completion.chunk' : 'text_completion';
  const withUsage = asked.stream_options?.include_usage === true && asked.model !== 'silent-about-usage';
  const lineEnd = asked.model === 'pings' ? '\r\n' : '\n';

  async function write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    // In crumbs, events and characters are cut anywhere and each piece is a packet of its own.
    const size = asked.model === 'crumbs' ? 7 : bytes.length;
    for (let at = 0; at < bytes.length; at += size) {
      response.write(bytes.subarray(at, at + size));
      if (size < bytes.length) {
        await sleep(1);
      }
    }
  }
  const event = (data: object) => write(`data: ${JSON.stringify(data)}${lineEnd}${lineEnd}`);
  const chunk = (choice: object) =>
    event({
      ...head(asked, object),
      choices: [{ index: 0, logprobs: null, ...choice }],
      ...(withUsage && { usage: null }),
    });
  const piece = (text: string) => (isChat ? { delta: { content: text } } : { text });

  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  if (isChat) {
    await chunk({ delta: { role: 'assistant', content: '', refusal: null }, finish_reason: null });
  }
  await sleep(FIRST_MS);
  if (asked.model === 'pings') {
    await write(`: ping${lineEnd}${lineEnd}`);
  }
  const firstNs = nowNs();
  for (const [index, token] of TOKENS.entries()) {
    if (index > 0) {
      await sleep(GAP_MS);
    }
    if (index === 2 && asked.model === 'error-after-200') {
      await event({ error: { message: 'The server had an error', type: 'server_error', param: null, code: null } });
      return firstNs;
    }
    if (index === 2 && asked.model === 'cut') {
      return firstNs;
    }
    await chunk({ ...piece(token), finish_reason: null });
  }
  await chunk({ ...(isChat ? { delta: {} } : { text: '' }), finish_reason: 'stop' });
  if (withUsage) {
    await event({ ...head(asked, object), choices: [], usage });
  }
  await write(`data: [DONE]${lineEnd}${lineEnd}`);
  return firstNs;
}
