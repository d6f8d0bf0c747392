import { choice } from '../flags.js';
import { decodeJson, JSON_HEADERS, shown } from './json.js';
import { OIP_FLAGS, type Output, outputsProblem, rawProblem } from './oip.js';
import { type Decoded, protocol, type WireRequest, type WireResponse } from './protocol.js';
import { batchOf, flat, littleEndian } from './tensors.js';

/** Where the JSON ends and the raw tensors begin. */
const JSON_LENGTH_HEADER = 'inference-header-content-length';

/** Open Inference Protocol v2 over REST, in JSON or with the binary tensor extension of Triton and KServe. */
export const oipRest = protocol({
  summary: 'Open Inference Protocol v2 REST, POST /v2/models/NAME/infer (Triton, KServe, MLServer, OpenVINO)',
  via: 'http',
  flags: {
    ...OIP_FLAGS,
    encoding: choice(['json', 'binary'], { help: 'tensors over REST', default: 'json' }),
  },
  server: 'oip',
  defaultPort: 8000,
  dataset: 'digits',
  input: 'tensor',
  takesPath: false,
  maxBatch: Number.MAX_SAFE_INTEGER,
  create: async (values) => {
    const version = values['model-version'];
    const model = `/v2/models/${encodeURIComponent(values.model)}`;
    const path = `${model}${version === undefined ? '' : `/versions/${encodeURIComponent(version)}`}/infer`;
    const name = JSON.stringify(values.input);
    const input = (shape: readonly number[]) => `{"name":${name},"shape":${JSON.stringify(shape)},"datatype":"FP32"`;
    return {
      name: 'oip-rest',
      via: 'http',
      endpoints: ['infer'],
      encode(items): WireRequest {
        const { itemShape, rows } = batchOf(items);
        const tensor = input([items.length, ...itemShape]);
        const request = { method: 'POST', path, batch: items.length } as const;
        if (values.encoding === 'json') {
          const body = Buffer.from(`{"inputs":[${tensor},"data":${JSON.stringify(flat(rows))}}]}`);
          return { ...request, headers: JSON_HEADERS, body };
        }
        const raw = littleEndian(rows);
        const json = Buffer.from(
          `{"inputs":[${tensor},"parameters":{"binary_data_size":${raw.length}}}],"parameters":{"binary_data_output":true}}`,
        );
        const headers = { 'content-type': 'application/octet-stream', [JSON_LENGTH_HEADER]: String(json.length) };
        return { ...request, headers, body: Buffer.concat([json, raw]) };
      },
      decode(response, { batch }): Decoded {
        const parts = partsOf(response);
        if (!parts) {
          return { outcome: 'decode_error', detail: `The header ${JSON_LENGTH_HEADER} is no length within the body` };
        }
        return decodeJson(parts.json, (value) => answerProblem(value, parts.raw, batch));
      },
    };
  },
});

interface Parts {
  readonly json: Buffer;
  /** The raw tensors behind it; empty when all outputs came as JSON. */
  readonly raw: Buffer;
}

/** Splits a body; undefined for a header that cannot be. Without the header all of it is JSON. */
function partsOf({ headers, body }: WireResponse): Parts | undefined {
  const length = headers[JSON_LENGTH_HEADER];
  if (length === undefined) {
    return { json: body, raw: body.subarray(body.length) };
  }
  const bytes = Number(length);
  const fits = /^\d+$/.test(String(length)) && bytes <= body.length;
  return fits ? { json: body.subarray(0, bytes), raw: body.subarray(bytes) } : undefined;
}

interface JsonOutput extends Output {
  readonly parameters?: { readonly binary_data_size?: unknown } | null;
  readonly data?: unknown;
}

/** An answer may mix outputs in JSON and raw ones, which lie behind each other in the order of the outputs. */
function answerProblem(value: unknown, raw: Buffer, batch: number): string | undefined {
  const { outputs, error } = (value ?? {}) as { readonly outputs?: unknown; readonly error?: unknown };
  if (error !== undefined) {
    return `The server answered an error: ${typeof error === 'string' ? error : shown(error)}`;
  }
  let at = 0;
  const problem = outputsProblem(outputs, batch, ({ parameters, data }: JsonOutput, datatype, elements) => {
    const size = parameters?.binary_data_size;
    if (size === undefined) {
      const leaves = leavesOf(data, datatype.json);
      return leaves === elements ? undefined : `wanted ${elements} values of type ${datatype.json}, got ${leaves}`;
    }
    if (!Number.isSafeInteger(size) || (size as number) < 0 || at + (size as number) > raw.length) {
      return `wanted its size in the ${raw.length - at} bytes that are left, got ${shown(size)}`;
    }
    at += size as number;
    return rawProblem(raw.subarray(at - (size as number), at), datatype, elements);
  });
  if (problem !== undefined) {
    return problem;
  }
  return at === raw.length ? undefined : `Got ${raw.length - at} bytes that belong to no output`;
}

/** How many values of a type a flat or nested list holds; what is something else counts as none. */
function leavesOf(data: unknown, type: 'number' | 'boolean' | 'string'): number {
  let count = 0;
  // Not recursive: a server decides how deep the lists go.
  const lists = Array.isArray(data) ? [data] : [];
  for (let list = lists.pop(); list; list = lists.pop()) {
    for (const value of list) {
      if (Array.isArray(value)) {
        lists.push(value);
      } else {
        count += typeof value === type ? 1 : 0;
      }
    }
  }
  return count;
}
