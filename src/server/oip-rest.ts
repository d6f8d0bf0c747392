import { VERSION } from '../version.js';
import type { Answer, Call, Route } from './http.js';
import {
  blankImageOutputs,
  EXTENSIONS,
  floatBytes,
  type InferInput,
  type OipModel,
  type OutputTensor,
  readFloats,
} from './oip.js';
import { httpStatusOf, type Outcome, type Refusal, refusal } from './outcome.js';
import { isObject, parseRapidJson } from './tf-serving-json.js';

/** A batch of 4,096 images with every digit of every pixel is about 65 MB of JSON. */
export const OIP_MAX_BODY_BYTES = 128 * 1024 * 1024;

const MODEL = '\\/v2\\/models\\/([^/]+)(?:\\/versions\\/([^/]+))?';
const JSON_LENGTH_HEADER = 'inference-header-content-length';

/** Deeper lists are refused instead of running out of stack. */
const MAX_DEPTH = 32;

/** Live and ready are told by the status alone. */
const YES: Answer = { status: 200, body: '', type: 'text/plain' };
const NO: Answer = { ...YES, status: 400 };

/** The body of an error. */
export function oipProblem(message: string): string {
  return JSON.stringify({ error: message });
}

/** The Open Inference Protocol v2 for one model, with the binary tensor extension; errors are Triton's where they are known. */
export function oipRoutes(model: OipModel): readonly Route[] {
  const server = JSON.stringify({ name: 'infer-bench', version: VERSION, extensions: EXTENSIONS });
  const { name, version, platform, inputs, outputs } = model;
  const metadata = JSON.stringify({ name, versions: [version], platform, inputs, outputs });
  const missed = (call: Call) => model.miss(...modelOf(call));
  return [
    {
      method: 'POST',
      path: new RegExp(`${MODEL}\\/infer`),
      endpoint: '/v2/models/{model}/infer',
      inference: true,
      answer: (call) => infer(model, call),
    },
    { method: 'GET', path: /\/v2\/health\/(?:live|ready)/, endpoint: '/v2/health', answer: () => YES },
    { method: 'GET', path: /\/v2\/?/, endpoint: '/v2', answer: () => ({ status: 200, body: server }) },
    {
      method: 'GET',
      path: new RegExp(`${MODEL}\\/ready`),
      endpoint: '/v2/models/{model}/ready',
      answer: (call) => (missed(call) ? NO : YES),
    },
    {
      method: 'GET',
      path: new RegExp(MODEL),
      endpoint: '/v2/models/{model}',
      answer(call) {
        const missing = missed(call);
        return missing ? failed(missing) : { status: 200, body: metadata };
      },
    },
  ];
}

function modelOf({ groups: [name = '', version = ''] }: Call): [name: string, version: string] {
  return [decoded(name), decoded(version)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function failed({ code, message }: Refusal, batch = 0): Answer {
  return { status: httpStatusOf(code), body: oipProblem(message), batch };
}

/** A request of which everything but the values was read. */
interface ReadRequest {
  readonly id: string;
  readonly inputs: readonly InferInput[];
  readonly outputs: readonly string[];
  /** Whether an output goes back as raw bytes. */
  readonly isBinary: (output: string) => boolean;
}

function infer(model: OipModel, call: Call): Answer {
  const missing = model.miss(...modelOf(call));
  if (missing) {
    return failed(missing);
  }
  const read = readRequest(model, call);
  if (read.error) {
    return failed(read.error);
  }
  const { id, inputs, isBinary } = read.value;
  const batch = Math.max(0, inputs[0]?.shape[0] ?? 0);
  const outputs = model.infer(read.value);
  return outputs.error
    ? failed(outputs.error, batch)
    : { ...answerOf(model, { id, outputs: outputs.value, isBinary }), batch };
}

/** The answer in JSON to an infer call with one blank image. */
export function blankImageAnswer(model: OipModel): string {
  return answerOf(model, { id: '', outputs: blankImageOutputs(model), isBinary: () => false }).body;
}

interface Results {
  readonly id: string;
  readonly outputs: readonly OutputTensor[];
  readonly isBinary: ReadRequest['isBinary'];
}

function answerOf(model: OipModel, { id, outputs, isBinary }: Results): Answer {
  const raws: Buffer[] = [];
  const texts = outputs.map(({ name, datatype, shape, values }) => {
    const head = JSON.stringify({ name, datatype, shape }).slice(0, -1);
    if (isBinary(name)) {
      raws.push(floatBytes(values));
      return `${head},"parameters":{"binary_data_size":${values.byteLength}}}`;
    }
    // Not JSON.stringify: the real server writes NaN and the infinities as bare tokens.
    return `${head},"data":[${Array.from(values).join(',')}]}`;
  });
  const head = JSON.stringify({ ...(id && { id }), model_name: model.name, model_version: model.version }).slice(0, -1);
  const body = `${head},"outputs":[${texts.join(',')}]}`;
  return raws.length === 0
    ? { status: 200, body }
    : {
        status: 200,
        body,
        tail: Buffer.concat(raws),
        type: 'application/octet-stream',
        headers: { [JSON_LENGTH_HEADER]: Buffer.byteLength(body) },
      };
}

/** What is wrong with a document, on its way out of the functions that read it. */
class Wrong extends Error {}

function readRequest(model: OipModel, { headers, body }: Call): Outcome<ReadRequest> {
  try {
    const given = headers[JSON_LENGTH_HEADER];
    const length = given === undefined ? body.length : Number(given);
    if (!/^\d+$/.test(String(length))) {
      throw new Wrong(`Unable to parse Inference-Header-Content-Length, got: ${given}`);
    }
    if (length > body.length) {
      throw new Wrong(`unexpected size for request JSON, expecting ${length - body.length} more bytes`);
    }
    return { value: length === 0 && given !== undefined ? rawRequest(model, body) : readParts(model, body, length) };
  } catch (error) {
    if (!(error instanceof Wrong)) {
      throw error;
    }
    return refusal('INVALID_ARGUMENT', error.message);
  }
}

/** A body without JSON is the one tensor of the one input, for a batch of one. */
function rawRequest(model: OipModel, body: Buffer): ReadRequest {
  const inputs = model.inputs.map(({ shape, ...input }) => ({
    ...input,
    shape: shape.map((size) => (size < 0 ? 1 : size)),
    read: () => readFloats(body, input.name),
  }));
  return { id: '', inputs, outputs: [], isBinary: () => true };
}

function readParts(model: OipModel, body: Buffer, length: number): ReadRequest {
  const document = parseRapidJson(body.subarray(0, length));
  if (document.problem !== undefined) {
    throw new Wrong(`failed to parse the request JSON buffer: ${document.problem} at ${document.offsetBytes}`);
  }
  const { value: request } = document;
  const tensors = body.subarray(length);
  let at = 0;
  const inputs = member(request, 'inputs', LIST).map((input): InferInput => {
    const name = member(input, 'name', TEXT);
    const datatype = member(input, 'datatype', TEXT);
    const shape = member(input, 'shape', LIST).map((size) => checked(size, 'shape', SIZE));
    const bytes = optional(optional(input, 'parameters', OBJECT), 'binary_data_size', SIZE);
    if (bytes === undefined) {
      const data = member(input, 'data', LIST);
      return { name, datatype, shape, read: (elements) => readList(data, elements) };
    }
    if (bytes > tensors.length - at) {
      const missing = bytes - (tensors.length - at);
      throw new Wrong(
        `unexpected size for input '${name}', expecting ${missing} additional bytes for model '${model.name}'`,
      );
    }
    const raw = tensors.subarray(at, at + bytes);
    at += bytes;
    return { name, datatype, shape, read: () => readFloats(raw, name) };
  });
  if (at !== tensors.length) {
    throw new Wrong(`unexpected additional input data for model '${model.name}'`);
  }
  const binaryUnlessSaid = optional(optional(request, 'parameters', OBJECT), 'binary_data_output', FLAG) ?? false;
  const outputs = (optional(request, 'outputs', LIST) ?? []).map((output) => {
    const binary = optional(optional(output, 'parameters', OBJECT), 'binary_data', FLAG) ?? binaryUnlessSaid;
    return [member(output, 'name', TEXT), binary] as const;
  });
  const said = new Map(outputs);
  return {
    id: optional(request, 'id', TEXT) ?? '',
    inputs,
    outputs: outputs.map(([name]) => name),
    isBinary: (output) => said.get(output) ?? binaryUnlessSaid,
  };
}

/** A kind of JSON value in the real server's words. */
interface Kind<Value> {
  readonly word: string;
  is(value: unknown): value is Value;
}

const LIST: Kind<readonly unknown[]> = {
  word: 'array',
  is: (value): value is readonly unknown[] => Array.isArray(value),
};
const OBJECT: Kind<object> = { word: 'object', is: isObject };
const TEXT: Kind<string> = { word: 'string', is: (value) => typeof value === 'string' };
const FLAG: Kind<boolean> = { word: 'boolean', is: (value) => typeof value === 'boolean' };
const SIZE: Kind<number> = {
  word: 'unsigned-integer',
  is: (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0,
};

function checked<Value>(value: unknown, name: string, kind: Kind<Value>): Value {
  if (!kind.is(value)) {
    throw new Wrong(`Unable to parse '${name}': attempt to access JSON non-${kind.word} as ${kind.word}`);
  }
  return value;
}

function member<Value>(object: unknown, name: string, kind: Kind<Value>): Value {
  const value = optional(object, name, kind);
  if (value === undefined) {
    throw new Wrong(`Unable to parse '${name}': attempt to access non-existing object member '${name}'`);
  }
  return value;
}

function optional<Value>(object: unknown, name: string, kind: Kind<Value>): Value | undefined {
  return isObject(object) && Object.hasOwn(object, name) ? checked(object[name], name, kind) : undefined;
}

/** Flat or nested numbers in row-major order. */
function readList(data: readonly unknown[], elements: number): Outcome<Float32Array> {
  const wrong = (problem: string) => refusal('INVALID_ARGUMENT', `Unable to parse 'data': ${problem}`);
  const values: number[] = [];

  function add(list: readonly unknown[], depth: number): string | undefined {
    for (const value of list) {
      if (typeof value === 'number') {
        values.push(value);
      } else if (!Array.isArray(value) || depth === MAX_DEPTH) {
        return 'attempt to access JSON non-double as double';
      } else {
        const problem = add(value, depth + 1);
        if (problem !== undefined) {
          return problem;
        }
      }
    }
    return undefined;
  }

  const problem = add(data, 1);
  if (problem !== undefined) {
    return wrong(problem);
  }
  return values.length === elements
    ? { value: Float32Array.from(values) }
    : wrong("Shape does not match true shape of 'data' field");
}
