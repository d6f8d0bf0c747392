import { decodeJson, JSON_HEADERS, rowsProblem, shown } from './json.js';
import { OIP_FLAGS } from './oip.js';
import { type Decoded, protocol, type WireRequest } from './protocol.js';
import { batchOf, nested } from './tensors.js';

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
  create: async (values) => {
    const version = values['model-version'];
    const model = `/predictions/${encodeURIComponent(values.model)}`;
    const path = version === undefined ? model : `${model}/${encodeURIComponent(version)}`;
    return {
      name: 'torchserve',
      via: 'http',
      endpoints: ['predictions'],
      encode(items): WireRequest {
        const { itemShape, rows } = batchOf(items);
        const body = Buffer.from(JSON.stringify(rows.map((row) => nested(row, itemShape))));
        return { method: 'POST', path, headers: JSON_HEADERS, body, batch: items.length };
      },
      decode(response, { batch }): Decoded {
        return decodeJson(response.body, (value) =>
          Array.isArray(value) ? rowsProblem(value, batch) : `Wanted a list of predictions, got ${shown(value)}`,
        );
      },
    };
  },
});
