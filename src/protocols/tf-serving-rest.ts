import { parseJson } from './json.js';
import { DECODED_OK, type Decoded, protocol, type WireRequest } from './protocol.js';
import { batchOf, elementsOf } from './tensors.js';
import { MODEL_FLAGS } from './tf-serving.js';

const HEADERS = { 'content-type': 'application/json', accept: 'application/json' };

/** TensorFlow Serving's REST predict call in row form: one list of values per example, one list of scores back. */
export const tfServingRest = protocol({
  summary: 'TensorFlow Serving REST, POST /v1/models/NAME:predict',
  via: 'http',
  endpoint: 'predict',
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
      encode(items): WireRequest {
        const { itemShape, rows } = batchOf(items);
        const instances = rows.map((row) => JSON.stringify(nested(row, itemShape))).join(',');
        const body = Buffer.from(`{"signature_name":${signature},"instances":[${instances}]}`);
        return { method: 'POST', path, headers: HEADERS, body, batch: items.length };
      },
      decode(response, batch): Decoded {
        const answer = parseJson(response.body);
        if (answer.problem !== undefined) {
          return { outcome: 'invalid_json', detail: answer.problem };
        }
        const problem = predictionsProblem(answer.value, batch);
        return problem === undefined ? DECODED_OK : { outcome: 'schema_mismatch', detail: problem };
      },
    };
  },
});

/** Row-major values as nested lists of a shape. */
function nested(values: Float32Array, shape: readonly number[]): unknown {
  const [, ...inner] = shape;
  if (inner.length === 0) {
    return Array.from(values);
  }
  const size = elementsOf(inner);
  return Array.from({ length: shape[0] as number }, (_, row) =>
    nested(values.subarray(row * size, (row + 1) * size), inner),
  );
}

function predictionsProblem(value: unknown, batch: number): string | undefined {
  const predictions = (value as { predictions?: unknown } | null)?.predictions;
  if (!Array.isArray(predictions)) {
    return `Wanted a list "predictions", got ${JSON.stringify(value)?.slice(0, 100)}`;
  }
  if (predictions.length !== batch) {
    return `Wanted ${batch} predictions, got ${predictions.length}`;
  }
  const shape = shapeOf(predictions[0]);
  const odd = predictions.findIndex((prediction) => shapeOf(prediction) !== shape);
  return odd < 0 ? undefined : `Prediction ${odd} has the shape ${shapeOf(predictions[odd])}, the first one ${shape}`;
}

/** The shape and datatypes of a prediction as text: equal texts, equal shapes. */
function shapeOf(value: unknown): string {
  if (Array.isArray(value)) {
    const inner = value.map(shapeOf);
    return inner.every((shape) => shape === inner[0]) ? `[${value.length}]${inner[0] ?? ''}` : `[${inner.join()}]`;
  }
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value).map(([name, output]) => `${name}:${shapeOf(output)}`)}}`;
  }
  return typeof value;
}
