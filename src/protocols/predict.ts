import { onOff } from '../flags.js';
import { decodeJson, JSON_HEADERS, jsonValue, shown } from './json.js';
import {
  anyAnswer,
  DECODED_OK,
  type Decoded,
  getProbe,
  protocol,
  type WireRequest,
  type WireResponse,
} from './protocol.js';
import { probabilityProblem } from './sentiment.js';

/** The endpoints by their index. */
const ENDPOINTS = ['predict', 'health'] as const;
const HEALTH = ENDPOINTS.indexOf('health');

/** What the server says of its cache: `Hit` or `Miss`, and nothing where it has none. */
const CACHE_HEADER = 'x-mlapi-cache';

/**
 * Texts in, the scores of every label per text out: `POST /predict`, the API of the mlapi benchmark, whose test asks
 * `GET /health` before each of them.
 */
export const predict = protocol({
  summary: 'POST /predict {"text":[TEXT, ...]}, answered by {"predictions":[[{"label","score"}, ...], ...]}',
  via: 'http',
  flags: { 'with-health': onOff({ help: 'GET /health before each request, an endpoint of its own in all figures' }) },
  server: 'predict',
  defaultPort: 8000,
  dataset: 'tweets',
  input: 'text',
  takesPath: true,
  maxBatch: Number.MAX_SAFE_INTEGER,
  questions: (_values, basePath) => ({ readiness: getProbe(pathBelow(basePath, '/health'), anyAnswer) }),
  create: async (values, basePath) => {
    const path = pathBelow(basePath, '/predict');
    const withHealth = values['with-health'];
    const health = {
      method: 'GET',
      path: pathBelow(basePath, '/health'),
      headers: { accept: 'application/json' },
      body: null,
      batch: 0,
      endpoint: HEALTH,
    } as const;
    return {
      name: 'predict',
      via: 'http',
      tells: true,
      endpoints: withHealth ? ENDPOINTS : [ENDPOINTS[0]],
      before: withHealth ? [health] : [],
      encode(items): WireRequest {
        if (items.length === 0) {
          throw new RangeError('predict takes one text or more per request');
        }
        const texts = items.map((item) => {
          if (item.kind !== 'text') {
            throw new RangeError('predict takes texts');
          }
          // A lone surrogate has no UTF-8 form.
          return item.text.toWellFormed();
        });
        return {
          method: 'POST',
          path,
          headers: JSON_HEADERS,
          body: Buffer.from(JSON.stringify({ text: texts })),
          batch: items.length,
        };
      },
      decode(response, { batch, endpoint }): Decoded {
        // As the benchmark has it: what answers 200 is healthy, whatever it says.
        return endpoint === HEALTH
          ? DECODED_OK
          : withCache(
              decodeJson(response.body, (value) => predictionsProblem(value, batch)),
              response,
            );
      },
      answers: ({ body }, { endpoint }) =>
        endpoint === HEALTH ? [] : (jsonValue(body) as { readonly predictions: readonly unknown[] }).predictions,
    };
  },
});

function pathBelow(basePath: string, path: string): string {
  return basePath.replace(/\/$/, '') + path;
}

function withCache(decoded: Decoded, { headers }: WireResponse): Decoded {
  const word = String(headers[CACHE_HEADER] ?? '').toLowerCase();
  return word === 'hit' || word === 'miss' ? { ...decoded, cache: word } : decoded;
}

function predictionsProblem(value: unknown, batch: number): string | undefined {
  const predictions = (value as { predictions?: unknown } | null)?.predictions;
  if (!Array.isArray(predictions)) {
    return `Wanted a list "predictions", got ${shown(value)}`;
  }
  if (predictions.length !== batch) {
    return `Wanted ${batch} predictions, got ${predictions.length}`;
  }
  for (const [index, scores] of predictions.entries()) {
    const problem = scoresProblem(scores);
    if (problem !== undefined) {
      return `Prediction ${index}: ${problem}`;
    }
  }
  return undefined;
}

function scoresProblem(scores: unknown): string | undefined {
  if (!Array.isArray(scores) || scores.length === 0) {
    return 'Wanted a list of {"label","score"}';
  }
  for (const entry of scores as readonly ({ readonly label?: unknown; readonly score?: unknown } | null)[]) {
    if (typeof entry?.label !== 'string') {
      return `Wanted {"label","score"}, got ${shown(entry)}`;
    }
    const problem = probabilityProblem(entry.label, entry.score);
    if (problem !== undefined) {
      return problem;
    }
  }
  return undefined;
}
