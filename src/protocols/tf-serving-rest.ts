import { decodeJson, JSON_HEADERS, rowsProblem, shown } from './json.js';
import { type Decoded, protocol, type WireRequest } from './protocol.js';
import { batchOf, nested } from './tensors.js';
import { MODEL_FLAGS } from './tf-serving.js';

/** TensorFlow Serving's REST predict call in row form: one list of values per example, one list of scores back. */
export const tfServingRest = protocol({
  summary: 'TensorFlow Serving REST, POST /v1/models/NAME:predict',
  via: 'http',
  flags: MODEL_FLAGS,
  server: 'tf-serving',
  defaultPort: 8501,
  dataset: 'digits',
  input: 'tensor',
  takesPath: false,
  maxBatch: Number.MAX_SAFE_INTEGER,
  create: async (values) => {
    const version = values['model-version'];
    const path = `/v1/models/${encodeURIComponent(values.model)}${version ? `/versions/${version}` : ''}:predict`;
    const signature = JSON.stringify(values.signature);
    return {
      name: 'tf-serving-rest',
      via: 'http',
      endpoints: ['predict'],
      encode(items): WireRequest {
        const { itemShape, rows } = batchOf(items);
        const instances = rows.map((row) => JSON.stringify(nested(row, itemShape))).join(',');
        const body = Buffer.from(`{"signature_name":${signature},"instances":[${instances}]}`);
        return { method: 'POST', path, headers: JSON_HEADERS, body, batch: items.length };
      },
      decode(response, { batch }): Decoded {
        return decodeJson(response.body, (value) => predictionsProblem(value, batch));
      },
    };
  },
});

function predictionsProblem(value: unknown, batch: number): string | undefined {
  const predictions = (value as { predictions?: unknown } | null)?.predictions;
  return Array.isArray(predictions)
    ? rowsProblem(predictions, batch)
    : `Wanted a list "predictions", got ${shown(value)}`;
}
