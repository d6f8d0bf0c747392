import { isUtf8 } from 'node:buffer';
import type { Datatype } from '../datasets/dataset.js';
import { choice } from '../flags.js';
import { DATATYPES, rawElements } from './datatypes.js';
import { decodeJson, JSON_HEADERS, jsonValue, readJson, shown } from './json.js';
import {
  countersOf,
  inputsOfMetadata,
  OIP_FLAGS,
  type Output,
  oipFitsDigits,
  oipInputName,
  outputsProblem,
  plainElement,
  rawProblem,
} from './oip.js';
import {
  anyAnswer,
  type Decoded,
  getProbe,
  protocol,
  readingOf,
  type WireRequest,
  type WireResponse,
} from './protocol.js';
import { answersByItem, batchOf, flatJson, type InputBatch, nested, rawRows } from './tensors.js';

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
  fitsDataset: oipFitsDigits,
  questions(values) {
    const model = modelPath(values);
    return {
      readiness: getProbe(`${model}/ready`, anyAnswer),
      metadata: getProbe(model, (reply) => {
        const metadata = readJson(reply, 'the metadata of a model', (value) => value as { readonly inputs?: unknown });
        return metadata.problem === undefined ? readingOf(() => inputsOfMetadata(metadata.value?.inputs)) : metadata;
      }),
      statistics: getProbe(`${model}/stats`, (reply) =>
        readJson(reply, 'the statistics of a model', (value) =>
          countersOf((value as { readonly model_stats?: unknown } | null)?.model_stats),
        ),
      ),
    };
  },
  create: async (values) => {
    const path = `${modelPath(values)}/infer`;
    const inputName = oipInputName(values);
    return {
      name: 'oip-rest',
      via: 'http',
      endpoints: ['infer'],
      encode(items): WireRequest {
        const inputs = batchOf(items, inputName);
        const request = { method: 'POST', path, batch: items.length } as const;
        if (values.encoding === 'json') {
          const tensors = inputs.map((input) => `${headOf(input)},"data":[${dataOf(input)}]}`);
          return { ...request, headers: JSON_HEADERS, body: Buffer.from(`{"inputs":[${tensors.join(',')}]}`) };
        }
        const raws = inputs.map(rawRows);
        const tensors = inputs.map(
          (input, index) => `${headOf(input)},"parameters":{"binary_data_size":${raws[index]?.length}}}`,
        );
        const json = Buffer.from(`{"inputs":[${tensors.join(',')}],"parameters":{"binary_data_output":true}}`);
        const headers = { 'content-type': 'application/octet-stream', [JSON_LENGTH_HEADER]: String(json.length) };
        return { ...request, headers, body: Buffer.concat([json, ...raws]) };
      },
      decode(response, { batch }): Decoded {
        const parts = partsOf(response);
        if (!parts) {
          return { outcome: 'decode_error', detail: `The header ${JSON_LENGTH_HEADER} is no length within the body` };
        }
        return decodeJson(parts.json, (value) => answerProblem(value, parts.raw, batch));
      },
      answers(response, { batch }) {
        const { json, raw } = partsOf(response) as Parts;
        const { outputs } = jsonValue(json) as { readonly outputs: readonly JsonOutput[] };
        let at = 0;
        const named = outputs.map((output) => {
          const size = output.parameters?.binary_data_size as number | undefined;
          const elements =
            size === undefined
              ? (output.data as readonly unknown[]).flat(Number.POSITIVE_INFINITY)
              : (rawElements(output.datatype as Datatype, raw.subarray(at, at + size)) ?? []).map(plainElement);
          at += size ?? 0;
          return [output.name as string, nested(elements, output.shape as readonly number[])] as const;
        });
        return answersByItem(named, batch);
      },
    };
  },
});

function modelPath(values: { readonly model: string; readonly 'model-version'?: string | undefined }): string {
  const version = values['model-version'];
  const versions = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
  return `/v2/models/${encodeURIComponent(values.model)}${versions}`;
}

function headOf({ name, shape, datatype }: InputBatch): string {
  return `{"name":${JSON.stringify(name)},"shape":${JSON.stringify(shape)},"datatype":"${datatype}"`;
}

function dataOf({ datatype, rows }: InputBatch): string {
  if (datatype === 'FP16' || datatype === 'BF16') {
    throw new RangeError(`${datatype} has no form in JSON: use --encoding binary`);
  }
  const element = datatype === 'BYTES' ? textJson : datatype === 'BOOL' ? flagJson : numberJson;
  return rows.map((values) => flatJson(values, element)).join(',');
}

function textJson(value: number | bigint | Buffer): string {
  if (!isUtf8(value as Buffer)) {
    throw new RangeError('Bytes that are no UTF-8 have no form in JSON: use --encoding binary');
  }
  return JSON.stringify(String(value));
}

function flagJson(value: number | bigint | Buffer): string {
  return String(value !== 0);
}

function numberJson(value: number | bigint | Buffer): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new RangeError(`${value} has no form in JSON: use --encoding binary`);
  }
  return String(value);
}

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
      const type = DATATYPES[datatype].json;
      const leaves = leavesOf(data, type);
      return leaves === elements ? undefined : `wanted ${elements} values of type ${type}, got ${leaves}`;
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
