import { decodeJson, jsonValue, shown } from './json.js';
import { type Decoded, getProbe, protocol, type WireRequest } from './protocol.js';

const HEADERS = { accept: 'application/json' };

const NOT_YET: ReadonlySet<number> = new Set([400, 404, 502, 503, 504]);

/**
 * A text in, probabilities out: `GET /?query=<text>`, answered with a flat object label → probability. The text is
 * percent-encoded; the seed benchmark pasted it raw, so that `#` and `&` cut it short.
 */
export const sentiment = protocol({
  summary: 'GET /?query=TEXT, answered by a flat object label -> probability',
  via: 'http',
  flags: {},
  server: 'sentiment',
  defaultPort: 8000,
  dataset: 'tweets',
  input: 'text',
  takesPath: true,
  maxBatch: 1,
  // It has no readiness of its own: any answer will do but those of a gateway, or of a server that has no model yet.
  questions: (_values, basePath) => ({
    readiness: getProbe(`${basePath || '/'}?query=ready`, ({ status, detail }) =>
      status === undefined || NOT_YET.has(status) ? { problem: detail } : { value: true },
    ),
  }),
  create: async (_values, basePath) => ({
    name: 'sentiment',
    via: 'http',
    endpoints: ['sentiment'],
    encode(items): WireRequest {
      const [item] = items;
      if (items.length !== 1 || item?.kind !== 'text') {
        throw new RangeError('sentiment takes one text per request');
      }
      return {
        method: 'GET',
        path: `${basePath || '/'}?query=${encodeText(item.text)}`,
        headers: HEADERS,
        body: null,
        batch: 1,
      };
    },
    decode(response): Decoded {
      return decodeJson(response.body, scoresProblem);
    },
    answers: ({ body }) => [jsonValue(body)],
  }),
});

/** Percent-encodes a text for a query. A lone surrogate, which has no UTF-8 form, becomes U+FFFD. */
function encodeText(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function scoresProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'Wanted an object label -> probability';
  }
  const scores = Object.entries(value);
  if (scores.length === 0) {
    return 'Got an object without labels';
  }
  for (const [label, score] of scores) {
    const problem = probabilityProblem(label, score);
    if (problem !== undefined) {
      return problem;
    }
  }
  return undefined;
}

/** Why the score of a label is no probability; undefined when it is one. */
export function probabilityProblem(label: string, score: unknown): string | undefined {
  return typeof score === 'number' && score >= 0 && score <= 1
    ? undefined
    : `Wanted a probability for label "${label}", got ${shown(score)}`;
}
