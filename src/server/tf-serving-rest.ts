import type { Answer, Call, Route } from './http.js';
import { httpStatusOf, type Outcome, type Refusal, refusal } from './outcome.js';
import { DEFAULT_SIGNATURE, type ModelSpec, type OutputTensor, type Servable, type TensorInfo } from './tf-serving.js';
import { readExamples } from './tf-serving-examples.js';
import { readColumns, readRows } from './tf-serving-inputs.js';
import { decimal, formatError, invalid, isObject, type JsonObject, parseTfJson } from './tf-serving-json.js';

/** A batch of 4,096 images with every digit of every pixel is about 65 MB of JSON. */
export const TF_SERVING_MAX_BODY_BYTES = 128 * 1024 * 1024;

const INFERENCE_PATH = /^\/v1\/models\/([^/:]+)(?:\/versions\/(\d+)|\/labels\/([^/:]+))?:(classify|regress|predict)$/i;
const MODEL_PATH = /^\/v1\/models(?:\/([^/:]+))?(?:\/versions\/(\d+)|\/labels\/([^/:]+))?(?:\/(metadata))?$/i;

/** The body of an error. */
export function tfServingProblem(message: string): string {
  return JSON.stringify({ error: message }, undefined, 4);
}

/** The REST API of a servable under `/v1/models`. */
export function tfServingRoutes(servable: Servable): readonly Route[] {
  return [
    {
      method: 'POST',
      path: INFERENCE_PATH,
      endpoint: '/v1/models/{model}:{method}',
      inference: true,
      answer: (call) => infer(servable, call),
    },
    { method: 'GET', path: MODEL_PATH, endpoint: '/v1/models/{model}', answer: (call) => describe(servable, call) },
    {
      path: /^\/v1\/.*$/is,
      endpoint: 'other',
      yields: true,
      answer: ({ method, path }) =>
        failed({ code: 'INVALID_ARGUMENT', message: `Malformed request: ${method} ${path}` }),
    },
    // Paths outside the API are not the API's: no JSON.
    {
      path: /^.*$/s,
      endpoint: 'other',
      yields: true,
      answer: () => ({ status: 404, type: 'text/plain', body: 'Not Found\n' }),
    },
  ];
}

/** The answer to a predict of one blank image. */
export function blankImageText(servable: Servable): string {
  const instances = [new Array(784).fill(0)];
  const answer = predict(servable, { name: servable.name }, { signature_name: 'predict_images', instances });
  if (answer.error) {
    throw new Error(answer.error.message);
  }
  return answer.value;
}

function failed(error: Refusal, batch = 0): Answer {
  return { status: httpStatusOf(error.code), body: tfServingProblem(error.message), batch };
}

/** Reads name, version and label, the first groups of both paths. */
function readSpec([name, version, label]: Call['groups']): Outcome<ModelSpec> {
  const decoded = { name: percentDecoded(name ?? ''), label: percentDecoded(label ?? '') };
  if (decoded.name === undefined) {
    return refusal('INVALID_ARGUMENT', `Failed to decode model name:${name}`);
  }
  if (version !== undefined && BigInt(version) > 2n ** 63n - 1n) {
    return refusal('INVALID_ARGUMENT', `Failed to convert version: ${version} to numeric.`);
  }
  if (decoded.label === undefined) {
    return refusal('INVALID_ARGUMENT', `Failed to decode model version label:${label}`);
  }
  return {
    value: {
      name: decoded.name,
      ...(version !== undefined && { version: BigInt(version) }),
      ...(label !== undefined && { label: decoded.label }),
    },
  };
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function infer(servable: Servable, { groups, body }: Call): Answer {
  const spec = readSpec(groups);
  if (spec.error) {
    return failed(spec.error);
  }
  const method = groups[3]?.toLowerCase() as 'classify' | 'regress' | 'predict';
  const document = parseTfJson(body);
  if (document.error) {
    return failed(document.error);
  }
  const batch = batchOf(document.value);
  const answer =
    method === 'predict'
      ? predict(servable, spec.value, document.value)
      : inferExamples(servable, spec.value, method, document.value);
  return answer.error ? failed(answer.error, batch) : { status: 200, body: answer.value, batch };
}

/** The items that a request carries, whether or not they are right. */
function batchOf(document: unknown): number {
  if (!isObject(document)) {
    return 0;
  }
  const { instances, examples, inputs } = document;
  const columns = isObject(inputs) ? Object.values(inputs)[0] : inputs;
  const items = instances ?? examples ?? columns;
  return Array.isArray(items) ? items.length : 0;
}

/** The object of a request to a model that is there, and the signature it names. */
interface Asked {
  readonly document: JsonObject;
  readonly signatureName: string;
}

function readAsked(servable: Servable, spec: ModelSpec, document: unknown): Outcome<Asked> {
  if (!isObject(document)) {
    return formatError(document, 'Is not object');
  }
  const { signature_name: signatureName = '' } = document;
  if (typeof signatureName !== 'string') {
    return formatError(document, "not formatted correctly. 'signature_name' key must be a string value.");
  }
  const missing = servable.miss(spec);
  return missing ? { error: missing } : { value: { document, signatureName: signatureName || DEFAULT_SIGNATURE } };
}

function inferExamples(
  servable: Servable,
  spec: ModelSpec,
  method: 'classify' | 'regress',
  body: unknown,
): Outcome<string> {
  const asked = readAsked(servable, spec, body);
  if (asked.error) {
    return asked;
  }
  const { document, signatureName } = asked.value;
  const examples = readExamples(document);
  if (examples.error) {
    return examples;
  }
  if (method === 'regress') {
    const values = servable.regress(signatureName, examples.value);
    return values.error ? values : { value: resultsText(values.value.map(decimal)) };
  }
  const results = servable.classify(signatureName, examples.value);
  return results.error
    ? results
    : {
        value: resultsText(
          results.value.map(
            (classes) => `[${classes.map(({ label, score }) => `["${label}", ${decimal(score)}]`).join(', ')}]`,
          ),
        ),
      };
}

/** The server's layout of results: on one line. */
function resultsText(results: readonly string[]): string {
  return `{\n    "results": [${results.join(', ')}\n    ]\n}`;
}

function predict(servable: Servable, spec: ModelSpec, body: unknown): Outcome<string> {
  const asked = readAsked(servable, spec, body);
  if (asked.error) {
    return asked;
  }
  const { document, signatureName: name } = asked.value;
  const signature = Object.hasOwn(servable.signatures, name) ? servable.signatures[name] : undefined;
  if (!signature) {
    return refusal('INVALID_ARGUMENT', `Serving signature name: "${name}" not found in signature def`);
  }
  const hasInstances = Object.hasOwn(document, 'instances');
  const hasInputs = Object.hasOwn(document, 'inputs');
  if (hasInstances && hasInputs) {
    // The blank at the end is the server's.
    return formatError(
      document,
      "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
    );
  }
  if (!hasInstances && !hasInputs) {
    return refusal('INVALID_ARGUMENT', "Missing 'inputs' or 'instances' key");
  }
  const inputs = hasInstances ? readRows(signature, document) : readColumns(signature, document.inputs);
  if (inputs.error) {
    return inputs;
  }
  const outputs = servable.run(name, inputs.value);
  if (outputs.error) {
    return outputs;
  }
  const { scores } = outputs.value;
  return { value: hasInstances ? rowsText(scores) : columnsText(scores) };
}

/** The server's layout of rows: a list on one line, the lists behind each other. */
function rowsText({ shape: [rows = 0, width = 0], values }: OutputTensor): string {
  const lists = Array.from({ length: rows }, (_, row) => {
    return `[${Array.from(values.subarray(row * width, (row + 1) * width), decimal).join(', ')}]`;
  });
  return `{\n    "predictions": [${lists.join(', ')}\n    ]\n}`;
}

/** The server's layout of columns: a value a line. */
function columnsText({ shape: [rows = 0, width = 0], values }: OutputTensor): string {
  const lists = Array.from({ length: rows }, (_, row) => {
    const lines = Array.from(values.subarray(row * width, (row + 1) * width), decimal);
    return `        [\n            ${lines.join(',\n            ')}\n        ]`;
  });
  return `{\n    "outputs": [\n${lists.join(',\n')}\n    ]\n}`;
}

function describe(servable: Servable, { groups }: Call): Answer {
  const spec = readSpec(groups);
  if (spec.error) {
    return failed(spec.error);
  }
  if (spec.value.name === '') {
    return failed(invalid('Missing model name in request.'));
  }
  if (groups[3]) {
    const missing = servable.miss(spec.value);
    return missing ? failed(missing) : { status: 200, body: metadataText(servable) };
  }
  const missing = servable.missStatus(spec.value);
  return missing ? failed(missing) : { status: 200, body: statusText(servable) };
}

function statusText({ version }: Servable): string {
  const status = { error_code: 'OK', error_message: '' };
  return JSON.stringify(
    { model_version_status: [{ version: String(version), state: 'AVAILABLE', status }] },
    undefined,
    1,
  );
}

function metadataText({ name, version, signatures }: Servable): string {
  const signatureDef = Object.fromEntries(
    Object.entries(signatures).map(([key, { inputs, outputs, methodName }]) => [
      key,
      { inputs: infoJson(inputs), outputs: infoJson(outputs), method_name: methodName },
    ]),
  );
  const metadata = { signature_def: { signature_def: signatureDef } };
  return JSON.stringify({ model_spec: { name, signature_name: '', version: String(version) }, metadata }, undefined, 1);
}

/** The JSON form of protobuf: 64-bit integers as strings, defaults printed. */
function infoJson(infos: Readonly<Record<string, TensorInfo>>): JsonObject {
  return Object.fromEntries(
    Object.entries(infos).map(([key, { dtype, shape, node }]) => {
      const dim = (shape ?? []).map((size) => ({ size: String(size), name: '' }));
      return [key, { dtype, tensor_shape: { dim, unknown_rank: shape === undefined }, name: node }];
    }),
  );
}
