import { decodeJson, JSON_HEADERS, jsonValue, rowsProblem, shown } from './json.js';
import { OIP_FLAGS } from './oip.js';
import { anyAnswer, type Decoded, getProbe, modelProbe, protocol, type WireRequest } from './protocol.js';
import { batchOf, type InputBatch, nestedJson } from './tensors.js';

/**
 * TorchServe's inference API. What a body means is the business of the model's handler; ours is the plainest: a JSON
 * list of the batch's tensors in, a JSON list of one prediction per tensor back.
 */
export const torchserve = protocol({
  summary: 'TorchServe, POST /predictions/NAME with a JSON list of tensors, answered by a list of predictions',
  via: 'http',
  flags: { model: OIP_FLAGS.model, 'model-version': OIP_FLAGS['model-version'] },
  server: 'torchserve',
  defaultPort: 8080,
  dataset: 'digits',
  input: 'tensor',
  takesPath: false,
  maxBatch: Number.MAX_SAFE_INTEGER,
  questions: (values) => ({
    readiness: getProbe('/ping', anyAnswer),
    // Its management API, which could be asked, is on another port and closed to most.
    metadata: modelProbe({
      method: 'POST',
      path: predictionsPath(values),
      headers: JSON_HEADERS,
      body: Buffer.from('[]'),
      batch: 0,
    }),
  }),
  create: async (values) => {
    const path = predictionsPath(values);
    return {
      name: 'torchserve',
      via: 'http',
      endpoints: ['predictions'],
      encode(items): WireRequest {
        const [tensor] = batchOf(items, 'data') as [InputBatch];
        if (tensor.datatype !== 'FP32') {
          throw new RangeError(`it takes tensors of FP32, got ${tensor.datatype}`);
        }
        const rows = tensor.rows.map((row) => nestedJson(row, tensor.shape.slice(1), String));
        const body = Buffer.from(`[${rows.join(',')}]`);
        return { method: 'POST', path, headers: JSON_HEADERS, body, batch: items.length };
      },
      decode(response, { batch }): Decoded {
        return decodeJson(response.body, (value) =>
          Array.isArray(value) ? rowsProblem(value, batch) : `Wanted a list of predictions, got ${shown(value)}`,
        );
      },
      answers: ({ body }) => jsonValue(body) as readonly unknown[],
    };
  },
});

function predictionsPath(values: { readonly model: string; readonly 'model-version'?: string | undefined }): string {
  const version = values['model-version'];
  const model = `/predictions/${encodeURIComponent(values.model)}`;
  return version === undefined ? model : `${model}/${encodeURIComponent(version)}`;
}
