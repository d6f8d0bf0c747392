import { decodeJson, JSON_HEADERS, shown } from './json.js';
import { type Decoded, protocol, type WireRequest } from './protocol.js';
import { probabilityProblem } from './sentiment.js';

/** Texts in, the scores of every label per text out: `POST /predict`, the API of the mlapi benchmark. */
export const predict = protocol({
  summary: 'POST /predict {"text":[TEXT, ...]}, answered by {"predictions":[[{"label","score"}, ...], ...]}',
  via: 'http',
  flags: {},
  server: 'predict',
  defaultPort: 8000,
  dataset: 'tweets',
  input: 'text',
  takesPath: true,
  maxBatch: Number.MAX_SAFE_INTEGER,
  create: async (_values, basePath) => {
    const path = `${basePath.replace(/\/$/, '')}/predict`;
    return {
      name: 'predict',
      via: 'http',
      endpoints: ['predict'],
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
      decode(response, { batch }): Decoded {
        return decodeJson(response.body, (value) => predictionsProblem(value, batch));
      },
    };
  },
});

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
