import type { Item } from '../datasets/dataset.js';
import { choice, onOff, text, whole } from '../flags.js';
import { decodeJson, JSON_HEADERS, parseJson, shown } from './json.js';
import {
  anyAnswer,
  type Decoded,
  getProbe,
  modelProbe,
  protocol,
  type Questions,
  type WireRequest,
  type WireResponse,
} from './protocol.js';
import { ENDPOINT_NAME_FLAG } from './request-flags.js';
import { serverEvents } from './sse.js';
import { arrivalTimes, tokenTimes } from './token-times.js';

/** The most inputs that the embeddings API takes in one request. */
const MAX_INPUTS = 2_048;
/** What a count of tokens may be at most in a row of the record. */
const MAX_TOKENS = 2 ** 31 - 1;

const GENERATION_FLAGS = {
  model: text({ arg: 'NAME', help: 'model that writes', default: 'babble' }),
  'max-tokens': whole({ help: 'tokens that an answer may have (default: as many as the server likes)' }),
  stream: onOff({ help: 'let answers come in pieces, and time their tokens' }),
  'endpoint-name': ENDPOINT_NAME_FLAG,
} as const;

/** What the servers of this API have in common. */
const KIND = {
  via: 'http',
  server: 'openai',
  defaultPort: 8000,
  dataset: 'tweets',
  input: 'text',
  takesPath: true,
} as const;

/** An object of an answer. Nothing of it is believed. */
type Fields = Readonly<Record<string, unknown>>;

/** What sets the two ways of generating text apart. */
interface Generation {
  readonly name: string;
  readonly path: string;
  readonly endpoint: string;
  /** The part of the request that carries the text. */
  prompt(text: string): object;
  /** Why a choice of a whole answer is none; undefined when it is one. */
  choiceProblem(choice: Fields): string | undefined;
  /** The texts in a choice of a chunk: `undefined` where it has the wrong form. */
  textsOf(choice: Fields): readonly unknown[] | undefined;
}

const CHAT: Generation = {
  name: 'openai-chat',
  path: '/chat/completions',
  endpoint: 'chat',
  prompt: (content) => ({ messages: [{ role: 'user', content }] }),
  choiceProblem({ message }) {
    // null where all that came is reasoning, a refusal or the call of a tool.
    const content = isObject(message) ? message.content : undefined;
    return typeof content === 'string' || content === null
      ? undefined
      : `Wanted a message with its content, got ${shown(message)}`;
  },
  textsOf({ delta }) {
    // Whatever the model writes is generated token by token, whether it is shown to the reader or not.
    return isObject(delta) ? [delta.content, delta.reasoning_content, delta.reasoning, delta.refusal] : undefined;
  },
};

const COMPLETIONS: Generation = {
  name: 'openai-completions',
  path: '/completions',
  endpoint: 'completions',
  prompt: (prompt) => ({ prompt }),
  choiceProblem: ({ text: written }) =>
    typeof written === 'string' ? undefined : `Wanted a text, got ${shown(written)}`,
  textsOf: ({ text: written }) => [written],
};

/** Chat completions: a text in, a message out, whole or token by token. */
export const openaiChat = generation(
  CHAT,
  'OpenAI chat completions, POST /v1/chat/completions, whole or with --stream token by token',
);

/** The older form of the same: a prompt in, its continuation out. */
export const openaiCompletions = generation(
  COMPLETIONS,
  'OpenAI completions, POST /v1/completions, whole or with --stream token by token',
);

function generation({ name, path, endpoint, ...form }: Generation, summary: string) {
  return protocol({
    ...KIND,
    summary,
    flags: GENERATION_FLAGS,
    maxBatch: 1,
    questions: ({ model }, basePath) =>
      questionsOf(apiPath(basePath, path), path, { model, ...form.prompt(ASKED_TEXT), max_tokens: 1 }),
    create: async (values, basePath) => {
      const maxTokens = values['max-tokens'];
      const { model, stream } = values;
      const headers = stream ? { ...JSON_HEADERS, accept: 'text/event-stream' } : JSON_HEADERS;
      const target = apiPath(basePath, path);
      return {
        name,
        via: 'http',
        endpoints: [values['endpoint-name'] ?? endpoint],
        tells: true,
        encode(items): WireRequest {
          const [only, ...more] = textsOf(items, name);
          if (only === undefined || more.length > 0) {
            throw new RangeError(`${name} takes one text per request`);
          }
          const request = {
            model,
            ...form.prompt(only),
            // Without include_usage the number of tokens would have to be guessed from the text.
            ...(stream && { stream: true, stream_options: { include_usage: true } }),
            // Its newer name, max_completion_tokens, is one that many servers do not know.
            ...(maxTokens !== undefined && { max_tokens: maxTokens }),
          };
          const body = Buffer.from(JSON.stringify(request));
          return { method: 'POST', path: target, headers, body, batch: 1, ...(stream && { stream }) };
        },
        decode: (response): Decoded => (stream ? decodeStream(response, form) : decodeWhole(response, form)),
      };
    },
  });
}

/** Embeddings: texts in, a vector for each out. */
export const openaiEmbeddings = protocol({
  ...KIND,
  summary: 'OpenAI embeddings, POST /v1/embeddings, a vector for each text of the batch',
  flags: {
    model: text({ arg: 'NAME', help: 'model that embeds', default: 'sentiment' }),
    encoding: choice(['float', 'base64'], { help: 'vectors in the answer', default: 'float' }),
    'endpoint-name': ENDPOINT_NAME_FLAG,
  },
  maxBatch: MAX_INPUTS,
  questions: ({ model }, basePath) =>
    questionsOf(apiPath(basePath, '/embeddings'), '/embeddings', { model, input: [ASKED_TEXT] }),
  create: async (values, basePath) => {
    const path = apiPath(basePath, '/embeddings');
    const { model, encoding } = values;
    return {
      name: 'openai-embeddings',
      via: 'http',
      endpoints: [values['endpoint-name'] ?? 'embeddings'],
      encode(items): WireRequest {
        const input = textsOf(items, 'openai-embeddings');
        if (input.length === 0) {
          throw new RangeError('openai-embeddings takes one text or more per request');
        }
        const body = Buffer.from(JSON.stringify({ model, input, encoding_format: encoding }));
        return { method: 'POST', path, headers: JSON_HEADERS, body, batch: items.length };
      },
      decode: ({ body }, { batch }): Decoded => decodeJson(body, (value) => vectorsProblem(value, batch, encoding)),
    };
  },
});

/** Where a call goes: users know the base of the API with its version, the server's address alone, or the whole path. */
function apiPath(basePath: string, call: string): string {
  const base = basePath.replace(/\/+$/, '');
  if (base.endsWith(call)) {
    return base;
  }
  return /\/v\d+$/.test(base) ? base + call : `${base}/v1${call}`;
}

/** What a server is asked with: in no dataset, so that no cache knows a payload by it. */
const ASKED_TEXT = 'infer-bench asks whether the model is there';

/**
 * Ready when the list of models, which lies beside the call, is answered. Whether it has the model is asked by a request
 * for it: the list lacks the other names of a model, and some servers take any name.
 */
function questionsOf(path: string, call: string, request: object): Questions {
  const body = Buffer.from(JSON.stringify(request));
  return {
    readiness: getProbe(`${path.slice(0, -call.length)}/models`, anyAnswer),
    metadata: modelProbe({ method: 'POST', path, headers: JSON_HEADERS, body, batch: 1 }),
  };
}

function textsOf(items: readonly Item[], name: string): readonly string[] {
  return items.map((item) => {
    if (item.kind !== 'text') {
      throw new RangeError(`${name} takes texts`);
    }
    // A lone surrogate has no UTF-8 form.
    return item.text.toWellFormed();
  });
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What an answer says is wrong, also one with status 200; undefined when it says nothing. */
function saidError(value: unknown): string | undefined {
  const error = isObject(value) ? value.error : undefined;
  if (error === undefined || error === null) {
    return undefined;
  }
  return isObject(error) && typeof error.message === 'string' ? error.message : shown(error);
}

/** The tokens that an answer's usage counts; undefined where it does not say. */
function tokensOf(answer: Fields): number | undefined {
  const tokens = isObject(answer.usage) ? answer.usage.completion_tokens : undefined;
  return Number.isSafeInteger(tokens) && Number(tokens) >= 0 && Number(tokens) <= MAX_TOKENS
    ? Number(tokens)
    : undefined;
}

function decodeWhole({ body }: WireResponse, { choiceProblem }: Pick<Generation, 'choiceProblem'>): Decoded {
  const answer = parseJson(body);
  if (answer.problem !== undefined) {
    return { outcome: 'invalid_json', detail: answer.problem };
  }
  const { value } = answer;
  const error = saidError(value);
  if (error !== undefined) {
    return { outcome: 'schema_mismatch', detail: `The answer is an error: ${error}` };
  }
  if (!isObject(value) || !Array.isArray(value.choices) || value.choices.length === 0) {
    return { outcome: 'schema_mismatch', detail: `Wanted a list "choices", got ${shown(value)}` };
  }
  for (const [index, one] of (value.choices as readonly unknown[]).entries()) {
    const problem = isObject(one) ? choiceProblem(one) : `Wanted an object, got ${shown(one)}`;
    if (problem !== undefined) {
      return { outcome: 'schema_mismatch', detail: `Choice ${index}: ${problem}` };
    }
  }
  return { outcome: 'ok', tokensOut: tokensOf(value) };
}

/**
 * Reads a stream of chunks. It is complete with `[DONE]` or a `finish_reason`; a role alone is no content; the tokens are
 * those of the last usage that came. Errors may come after the status 200.
 */
function decodeStream({ body, pieces }: WireResponse, { textsOf: writtenIn }: Pick<Generation, 'textsOf'>): Decoded {
  const arrivalUs = arrivalTimes(pieces);
  const contentUs: number[] = [];
  let tokensOut: number | undefined;
  let events = 0;
  let choices = 0;
  let finished = false;
  for (const { type, data, endByte, ended } of serverEvents(body)) {
    if (data.trim() === '[DONE]') {
      finished = true;
      break;
    }
    if (!ended) {
      break;
    }
    events++;
    const chunk = parseChunk(data);
    const error = type === 'error' ? (saidError(chunk) ?? data) : saidError(chunk);
    if (error !== undefined) {
      return { outcome: 'stream_error', detail: `The stream has an error: ${error}` };
    }
    if (chunk === undefined) {
      return { outcome: 'invalid_json', detail: `Event ${events} of the stream is not JSON: ${data}` };
    }
    if (!isObject(chunk) || !Array.isArray(chunk.choices)) {
      return { outcome: 'schema_mismatch', detail: `Event ${events}: wanted a list "choices", got ${data}` };
    }
    tokensOut = tokensOf(chunk) ?? tokensOut;
    let hasContent = false;
    for (const one of chunk.choices as readonly unknown[]) {
      const texts = isObject(one) ? writtenIn(one) : undefined;
      if (!isObject(one) || texts === undefined) {
        return { outcome: 'schema_mismatch', detail: `Event ${events}: wanted a choice, got ${shown(one)}` };
      }
      choices++;
      finished ||= typeof one.finish_reason === 'string';
      hasContent ||= texts.some((written) => typeof written === 'string' && written !== '');
    }
    const atUs = hasContent ? arrivalUs(endByte) : undefined;
    if (atUs !== undefined) {
      contentUs.push(atUs);
    }
  }
  if (!finished) {
    return events === 0 && body.length > 0 && !body.includes('data:')
      ? { outcome: 'stream_protocol', detail: `Wanted a stream of events, got ${body.toString('utf8', 0, 200)}` }
      : { outcome: 'stream_truncated', detail: 'The stream ended without a finish_reason or [DONE]' };
  }
  if (choices === 0) {
    return { outcome: 'stream_protocol', detail: 'The stream ended before it had a choice' };
  }
  return { outcome: 'ok', tokensOut, ...(pieces && tokenTimes(contentUs)) };
}

/** The JSON of an event; undefined when it is none. */
function parseChunk(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

function vectorsProblem(value: unknown, batch: number, encoding: 'float' | 'base64'): string | undefined {
  const error = saidError(value);
  if (error !== undefined) {
    return `The answer is an error: ${error}`;
  }
  const data = isObject(value) ? value.data : undefined;
  if (!Array.isArray(data)) {
    return `Wanted a list "data", got ${shown(value)}`;
  }
  if (data.length !== batch) {
    return `Wanted ${batch} embeddings, got ${data.length}`;
  }
  let width: number | undefined;
  for (const [place, entry] of (data as readonly unknown[]).entries()) {
    if (!isObject(entry) || entry.index !== place) {
      return `Wanted the embedding with index ${place}, got ${shown(entry)}`;
    }
    const size = encoding === 'float' ? floatsIn(entry.embedding) : base64FloatsIn(entry.embedding);
    if (size === undefined || size === 0) {
      return `Embedding ${place}: wanted ${encoding === 'float' ? 'a list of numbers' : 'float32 in base64'}, got ${shown(entry.embedding)}`;
    }
    width ??= size;
    if (size !== width) {
      return `Embedding ${place} has ${size} numbers, the first one ${width}`;
    }
  }
  return undefined;
}

/** How many numbers an embedding has; undefined when it is none. */
function floatsIn(embedding: unknown): number | undefined {
  return Array.isArray(embedding) && embedding.every((one) => Number.isFinite(one)) ? embedding.length : undefined;
}

/** The same for little-endian float32 in base64. */
function base64FloatsIn(embedding: unknown): number | undefined {
  if (typeof embedding !== 'string') {
    return undefined;
  }
  const bytes = Buffer.from(embedding, 'base64');
  // What is no base64 is passed over by the decoder: it would not come out again.
  return bytes.length % Float32Array.BYTES_PER_ELEMENT === 0 && bytes.toString('base64') === embedding
    ? bytes.length / Float32Array.BYTES_PER_ELEMENT
    : undefined;
}
