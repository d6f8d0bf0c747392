import type { Answer, Call, Route } from './http.js';
import { type Continuation, continuation, DEFAULT_TIMING, type TokenTiming, tokenCount } from './language-model.js';
import { shortDecimal } from './sentiment.js';
import { sentimentFeatures } from './sentiment-model.js';

/** Thousands of long texts in one request. */
export const OPENAI_MAX_BODY_BYTES = 32 * 1024 * 1024;

/** The models: one that writes, one that embeds. */
const WRITER = 'babble';
const EMBEDDER = 'sentiment';
/** A date that stands still, so that the same request has the same answer to the byte. */
const CREATED_S = 1_767_225_600;

const MAX_INPUTS = 2_048;
const DIMENSIONS = 64;
const MAX_DIMENSIONS = 4_096;

type Fields = Readonly<Record<string, unknown>>;

/** What was asked for, or the answer that says why it cannot be. */
type Read<Value> = { readonly value: Value; readonly refused?: undefined } | { readonly refused: Answer };

/** The body of an error that no route gave. */
export function openaiProblem(message: string, status: number): string {
  return errorText(message, { type: status >= 500 ? 'server_error' : 'invalid_request_error' });
}

interface ErrorFacts {
  readonly type?: string;
  readonly param?: string;
  readonly code?: string;
}

function errorText(message: string, { type = 'invalid_request_error', param, code }: ErrorFacts): string {
  return JSON.stringify({ error: { message, type, param: param ?? null, code: code ?? null } });
}

function refuse(status: number, message: string, facts: ErrorFacts = {}): { readonly refused: Answer } {
  return { refused: { status, body: errorText(message, facts) } };
}

/**
 * The OpenAI API as `babble`, which writes, and `sentiment`, which embeds: chat completions and completions, whole or as a
 * stream of events, embeddings, the list of models, and `/health`. The role of a chat comes at once, the tokens when
 * `timing` says; a whole answer comes when its last token would have.
 */
export function openaiRoutes(timing: TokenTiming = DEFAULT_TIMING): readonly Route[] {
  return [
    generationRoute('/v1/chat/completions', CHAT, timing),
    generationRoute('/v1/completions', COMPLETIONS, timing),
    { method: 'POST', path: '/v1/embeddings', inference: true, answer: embed },
    {
      method: 'GET',
      path: '/v1/models',
      answer: () => json({ object: 'list', data: [WRITER, EMBEDDER].map(modelCard) }),
    },
    {
      method: 'GET',
      path: /\/v1\/models\/([^/]+)/,
      answer: ({ groups: [name] }) =>
        name === WRITER || name === EMBEDDER ? json(modelCard(name)) : unknownModel(String(name)).refused,
    },
    { method: 'GET', path: '/health', answer: () => ({ status: 200, body: '' }) },
  ];
}

/** One document that answers each of the three calls, for clients that are measured against one answer. */
export function openaiFixedAnswer(): string {
  const said = continuation('the same for all', { seed: 0, maxTokens: 8 });
  const choice = { index: 0, ...COMPLETIONS.whole(said.tokens.join('')), ...CHAT.whole(said.tokens.join('')) };
  return JSON.stringify({
    object: 'list',
    choices: [{ ...choice, logprobs: null, finish_reason: said.finish }],
    data: [{ object: 'embedding', index: 0, embedding: Array.from(embeddingOf('the same for all', DIMENSIONS)) }],
    usage: usageOf(4, said),
  });
}

/** What sets chat apart from completions. */
interface Form {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** The text that the model goes on from. */
  prompt(asked: Fields): Read<string>;
  whole(text: string): object;
  /** What a stream begins with, before any token. */
  readonly opening?: object;
  part(text: string): object;
  readonly end: object;
}

const CHAT: Form = {
  idPrefix: 'chatcmpl',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  prompt: readMessages,
  whole: (content) => ({ message: { role: 'assistant', content, refusal: null } }),
  opening: { delta: { role: 'assistant', content: '' } },
  part: (content) => ({ delta: { content } }),
  end: { delta: {} },
};

const COMPLETIONS: Form = {
  idPrefix: 'cmpl',
  object: 'text_completion',
  chunkObject: 'text_completion',
  prompt: readPrompt,
  whole: (text) => ({ text }),
  part: (text) => ({ text }),
  end: { text: '' },
};

function generationRoute(path: string, form: Form, timing: TokenTiming): Route {
  return {
    method: 'POST',
    path,
    inference: true,
    answer(call) {
      const read = readGeneration(call, form);
      if (read.refused) {
        return read.refused;
      }
      const { prompt, stream, includeUsage, limits } = read.value;
      const said = continuation(prompt, limits);
      const usage = usageOf(tokenCount(prompt), said);
      const head = { id: `${form.idPrefix}-${said.id}`, created: CREATED_S, model: WRITER };
      const dueMs = said.tokens.map((_, place) => timing.firstMs + place * timing.gapMs);
      const endMs = dueMs.at(-1) as number;
      if (!stream) {
        const choice = { index: 0, ...form.whole(said.tokens.join('')), logprobs: null, finish_reason: said.finish };
        return { ...json({ ...head, object: form.object, choices: [choice], usage }), afterMs: endMs, batch: 1 };
      }
      const chunk = (choices: readonly object[], used: object | null) =>
        event(JSON.stringify({ ...head, object: form.chunkObject, choices, ...(includeUsage && { usage: used }) }));
      const part = (content: object, finish: string | null) =>
        chunk([{ index: 0, ...content, logprobs: null, finish_reason: finish }], null);
      return {
        status: 200,
        body: '',
        type: 'text/event-stream; charset=utf-8',
        headers: { 'cache-control': 'no-cache' },
        batch: 1,
        parts: [
          ...(form.opening ? [{ afterMs: 0, text: part(form.opening, null) }] : []),
          ...said.tokens.map((token, place) => ({
            afterMs: dueMs[place] as number,
            text: part(form.part(token), null),
          })),
          { afterMs: endMs, text: part(form.end, said.finish) },
          ...(includeUsage ? [{ afterMs: endMs, text: chunk([], usage) }] : []),
          { afterMs: endMs, text: event('[DONE]') },
        ],
      };
    },
  };
}

function event(data: string): string {
  return `data: ${data}\n\n`;
}

function usageOf(promptTokens: number, { tokens }: Continuation): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: tokens.length,
    total_tokens: promptTokens + tokens.length,
  };
}

interface GenerationAsked {
  readonly prompt: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly limits: { readonly seed: number; readonly maxTokens: number };
}

function readGeneration(call: Call, form: Form): Read<GenerationAsked> {
  const read = readFor(call, WRITER);
  if (read.refused) {
    return read;
  }
  const asked = read.value;
  const prompt = form.prompt(asked);
  if (prompt.refused) {
    return prompt;
  }
  if ((asked.n ?? 1) !== 1) {
    return refuse(400, "This model gives one choice: 'n' must be 1.", { param: 'n' });
  }
  const limitName = asked.max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens';
  const maxTokens = asked[limitName] ?? Number.MAX_SAFE_INTEGER;
  if (!Number.isSafeInteger(maxTokens) || Number(maxTokens) < 1) {
    return refuse(400, `Invalid '${limitName}': expected a whole number of at least 1.`, { param: limitName });
  }
  const seed = asked.seed ?? 0;
  if (!Number.isSafeInteger(seed)) {
    return refuse(400, "Invalid 'seed': expected a whole number.", { param: 'seed' });
  }
  const stream = asked.stream === true;
  const options = asked.stream_options as Fields | null | undefined;
  if (options && !stream) {
    return refuse(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", {
      param: 'stream_options',
    });
  }
  return {
    value: {
      prompt: prompt.value,
      stream,
      includeUsage: options?.include_usage === true,
      limits: { seed: Number(seed), maxTokens: Number(maxTokens) },
    },
  };
}

/** The fields of a request for a model that there is. */
function readFor({ body }: Call, model: string): Read<Fields> {
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch {
    document = undefined;
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    return refuse(400, 'We could not parse the JSON body of your request.');
  }
  const asked = document as Fields;
  if (typeof asked.model !== 'string') {
    return missing('model');
  }
  return asked.model === model ? { value: asked } : unknownModel(asked.model);
}

function missing(param: string) {
  return refuse(400, `Missing required parameter: '${param}'.`, { param, code: 'missing_required_parameter' });
}

function unknownModel(name: string) {
  return refuse(404, `The model \`${name}\` does not exist or does not do this.`, { code: 'model_not_found' });
}

function readMessages({ messages }: Fields): Read<string> {
  if (!Array.isArray(messages) || messages.length === 0) {
    return missing('messages');
  }
  const texts: string[] = [];
  for (const [place, message] of (messages as readonly (Fields | null)[]).entries()) {
    const text = typeof message?.role === 'string' ? contentText(message.content) : undefined;
    if (text === undefined) {
      const param = `messages[${place}]`;
      return refuse(400, `Invalid '${param}': expected a role, and as content a text or a list of texts.`, { param });
    }
    texts.push(text);
  }
  return { value: texts.join('\n') };
}

/** The text of a message: its content is one, or a list of parts. */
function contentText(content: unknown): string | undefined {
  if (typeof content === 'string') {
    return content;
  }
  if (!Array.isArray(content)) {
    return undefined;
  }
  const texts = (content as readonly (Fields | null)[]).map((part) => part?.text);
  return texts.every((text) => typeof text === 'string') ? texts.join('') : undefined;
}

function readPrompt({ prompt }: Fields): Read<string> {
  const only = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt;
  if (only === undefined) {
    return missing('prompt');
  }
  return typeof only === 'string'
    ? { value: only }
    : refuse(400, "Invalid 'prompt': expected one text.", { param: 'prompt' });
}

function embed(call: Call): Answer {
  const read = readFor(call, EMBEDDER);
  if (read.refused) {
    return read.refused;
  }
  const { input, encoding_format: encoding = 'float', dimensions = DIMENSIONS } = read.value;
  const texts: unknown = typeof input === 'string' ? [input] : input;
  if (!Array.isArray(texts) || texts.length === 0 || texts.length > MAX_INPUTS || !texts.every(isSomeText)) {
    const message = `Invalid 'input': expected a text, or a list of 1 to ${MAX_INPUTS} texts, none of them empty.`;
    return refuse(400, message, { param: 'input' }).refused;
  }
  if (encoding !== 'float' && encoding !== 'base64') {
    const message = "Invalid 'encoding_format': expected 'float' or 'base64'.";
    return refuse(400, message, { param: 'encoding_format' }).refused;
  }
  if (!Number.isSafeInteger(dimensions) || Number(dimensions) < 1 || Number(dimensions) > MAX_DIMENSIONS) {
    const message = `Invalid 'dimensions': expected a whole number from 1 to ${MAX_DIMENSIONS}.`;
    return refuse(400, message, { param: 'dimensions' }).refused;
  }
  const data = (texts as readonly string[]).map((text, index) => {
    const vector = embeddingOf(text, Number(dimensions));
    const embedding = encoding === 'float' ? `[${Array.from(vector, shortDecimal).join()}]` : `"${base64Of(vector)}"`;
    return `{"object":"embedding","index":${index},"embedding":${embedding}}`;
  });
  const tokens = (texts as readonly string[]).reduce((sum, text) => sum + tokenCount(text), 0);
  return {
    status: 200,
    body: `{"object":"list","data":[${data.join()}],"model":"${EMBEDDER}","usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}`,
    batch: texts.length,
  };
}

function isSomeText(text: unknown): boolean {
  return typeof text === 'string' && text !== '';
}

/**
 * `[dimensions]` float32 of length 1: the features that the sentiment model hashes a text to, folded into so many places
 * with a sign each (Weinberger et al. 2009), so that texts with words in common are near each other.
 */
export function embeddingOf(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const feature of sentimentFeatures(text, 2 * dimensions)) {
    const place = feature >>> 1;
    vector[place] = (vector[place] as number) + (feature % 2 === 0 ? 1 : -1);
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

/** Little-endian float32 in base64. */
function base64Of(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.byteLength);
  for (const [place, value] of vector.entries()) {
    bytes.writeFloatLE(value, place * Float32Array.BYTES_PER_ELEMENT);
  }
  return bytes.toString('base64');
}

function modelCard(id: string): object {
  return { id, object: 'model', created: CREATED_S, owned_by: 'infer-bench' };
}

function json(value: object): Answer {
  return { status: 200, body: JSON.stringify(value) };
}
