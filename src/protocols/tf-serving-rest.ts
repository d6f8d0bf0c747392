import { isUtf8 } from 'node:buffer';
import type { Datatype } from '../datasets/dataset.js';
import { choice } from '../flags.js';
import { decodeJson, JSON_HEADERS, jsonValue, readJson, rowsProblem, shown } from './json.js';
import { type Decoded, getProbe, protocol, readingOf, type WireRequest } from './protocol.js';
import { answersByItem, batchOf, flatJson, type InputBatch, type JsonElement, nestedJson } from './tensors.js';
import { fitsDigits, inputNameOf, inputsOfCall, signaturesOf, TF_CALLS, TF_FLAGS, tfProblems } from './tf-serving.js';

/** TensorFlow Serving's REST API: predict in row or columnar form, classify and regress. KServe V1 is the row form. */
export const tfServingRest = protocol({
  summary: 'TensorFlow Serving REST, POST /v1/models/NAME:predict|classify|regress (KServe V1 too)',
  via: 'http',
  flags: {
    ...TF_FLAGS,
    call: choice(TF_CALLS, { help: 'what to ask for', default: 'predict' }),
    format: choice(['row', 'columnar'], {
      help: 'form of predict: a list of instances, or a batch per input',
      default: 'row',
    }),
  },
  server: 'tf-serving',
  defaultPort: 8501,
  dataset: 'digits',
  input: 'tensor',
  takesPath: false,
  maxBatch: Number.MAX_SAFE_INTEGER,
  problems: (values) => [
    ...tfProblems(values),
    ...(values.call !== 'predict' && values.format === 'columnar'
      ? [`--format columnar is a form of --call predict: got --call ${values.call}`]
      : []),
  ],
  fitsDataset: fitsDigits,
  questions(values) {
    const model = modelPath(values);
    return {
      readiness: getProbe(model, (reply) => readJson(reply, 'a version that is AVAILABLE', isAvailable)),
      metadata: getProbe(`${model}/metadata`, (reply) => {
        const signatures = readJson(reply, 'the metadata of a model', signaturesIn);
        return signatures.problem === undefined ? readingOf(() => inputsOfCall(signatures.value, values)) : signatures;
      }),
    };
  },
  create: async (values) => {
    const { call, format } = values;
    const model = modelPath(values);
    const [signature = ''] = signaturesOf(values).map((name) => JSON.stringify(name));
    const inputName = inputNameOf(values);
    const form = call === 'predict' ? FORMS[format] : call === 'classify' ? CLASSIFY : REGRESS;
    return {
      name: 'tf-serving-rest',
      via: 'http',
      endpoints: [call],
      encode(items): WireRequest {
        const content = form.encode(batchOf(items, inputName), items.length);
        const body = Buffer.from(`{"signature_name":${signature},${content}}`);
        return { method: 'POST', path: `${model}:${call}`, headers: JSON_HEADERS, body, batch: items.length };
      },
      decode: ({ body }, { batch }): Decoded => decodeJson(body, (value) => form.problem(value, batch)),
      answers: ({ body }, { batch }) => form.answers(jsonValue(body), batch),
    };
  },
});

function modelPath(values: {
  readonly model: string;
  readonly 'model-version'?: string | undefined;
  readonly 'version-label'?: string | undefined;
}): string {
  const { 'model-version': version, 'version-label': label } = values;
  const model = `/v1/models/${encodeURIComponent(values.model)}`;
  if (version !== undefined) {
    return `${model}/versions/${version}`;
  }
  return label === undefined ? model : `${model}/labels/${encodeURIComponent(label)}`;
}

/** A form of request and answer. */
interface Form {
  /** The members of the request's object beside the signature. */
  encode(inputs: readonly InputBatch[], batch: number): string;
  problem(value: unknown, batch: number): string | undefined;
  /** The answer to each item, of an answer without a problem. */
  answers(value: unknown, batch: number): readonly unknown[];
}

const FORMS: Readonly<Record<'row' | 'columnar', Form>> = {
  row: {
    encode(inputs, batch) {
      const rows = Array.from({ length: batch }, (_, row) => {
        const values = inputs.map((input) => rowJson(input, row));
        return inputs.length === 1 ? values[0] : namedJson(inputs, values);
      });
      return `"instances":[${rows.join(',')}]`;
    },
    problem: (value, batch) => listProblem(value, ['predictions'], batch),
    answers: (value) => member(value, 'predictions') as readonly unknown[],
  },
  columnar: {
    encode(inputs, batch) {
      const values = inputs.map(
        (input) => `[${Array.from({ length: batch }, (_, row) => rowJson(input, row)).join(',')}]`,
      );
      return `"inputs":${inputs.length === 1 ? values[0] : namedJson(inputs, values)}`;
    },
    problem(value, batch) {
      const outputs = member(value, 'outputs');
      if (Array.isArray(outputs)) {
        return rowsProblem(outputs, batch);
      }
      const named = isObject(outputs) ? Object.entries(outputs) : [];
      for (const [name, rows] of named) {
        const problem = Array.isArray(rows) ? rowsProblem(rows, batch) : `wanted a list, got ${shown(rows)}`;
        if (problem !== undefined) {
          return `Output "${name}": ${problem}`;
        }
      }
      return named.length > 0 ? undefined : `Wanted "outputs", got ${shown(value)}`;
    },
    answers(value, batch) {
      const outputs = member(value, 'outputs');
      return Array.isArray(outputs)
        ? outputs
        : answersByItem(Object.entries(outputs as Record<string, unknown[]>), batch);
    },
  },
};

/** The documentation says `result`, the server `results`. */
const RESULTS = ['results', 'result'];

function examplesJson(inputs: readonly InputBatch[], batch: number): string {
  const examples = Array.from({ length: batch }, (_, row) => {
    // A feature is a value or a flat list, whatever the shape.
    const features = inputs.map(({ datatype, shape, rows }) => {
      const values = flatJson(rows[row] as InputBatch['rows'][number], featureElementOf(datatype));
      return shape.length === 1 ? values : `[${values}]`;
    });
    return namedJson(inputs, features);
  });
  return `"examples":[${examples.join(',')}]`;
}

const CLASSIFY: Form = {
  encode: examplesJson,
  problem(value, batch) {
    const problem = listProblem(value, RESULTS, batch, false);
    return problem ?? classesProblem(resultsOf(value));
  },
  answers: resultsOf,
};

const REGRESS: Form = {
  encode: examplesJson,
  problem(value, batch) {
    const problem = listProblem(value, RESULTS, batch);
    const odd = resultsOf(value).find((result) => typeof result !== 'number');
    return problem ?? (odd === undefined ? undefined : `Wanted a number, got ${shown(odd)}`);
  },
  answers: resultsOf,
};

function resultsOf(value: unknown): readonly unknown[] {
  return (RESULTS.map((name) => member(value, name)).find(Array.isArray) ?? []) as readonly unknown[];
}

/** Each result is a list of [label, score], as many as the model likes. */
function classesProblem(results: readonly unknown[]): string | undefined {
  for (const [index, classes] of results.entries()) {
    const odd = Array.isArray(classes) ? classes.find((one) => !isClass(one)) : classes;
    if (!Array.isArray(classes) || odd !== undefined) {
      return `Result ${index}: wanted a list of [label, score], got ${shown(odd)}`;
    }
  }
  return undefined;
}

function isClass(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number';
}

/** Why the first of the members that is there is no list of so many answers, `alike`: of one shape. */
function listProblem(value: unknown, names: readonly string[], batch: number, alike = true): string | undefined {
  const list = names.map((name) => member(value, name)).find(Array.isArray) as readonly unknown[] | undefined;
  if (!list) {
    return `Wanted a list "${names[0]}", got ${shown(value)}`;
  }
  if (alike) {
    return rowsProblem(list, batch);
  }
  return list.length === batch ? undefined : `Wanted ${batch} ${names[0]}, got ${list.length}`;
}

function namedJson(inputs: readonly InputBatch[], values: readonly (string | undefined)[]): string {
  return `{${inputs.map(({ name }, index) => `${JSON.stringify(name)}:${values[index]}`).join(',')}}`;
}

function rowJson({ datatype, shape, rows }: InputBatch, row: number): string {
  return nestedJson(rows[row] as InputBatch['rows'][number], shape.slice(1), elementOf(datatype));
}

/** Bare NaN and Infinity are what TensorFlow Serving reads and writes; bytes that are no text have a form of their own. */
function elementOf(datatype: Datatype): JsonElement {
  switch (datatype) {
    case 'BOOL':
      return (value) => String(value !== 0);
    case 'BYTES':
      return (value) =>
        isUtf8(value as Buffer) ? JSON.stringify(String(value)) : `{"b64":"${(value as Buffer).toString('base64')}"}`;
    default:
      return (value) => String(value);
  }
}

/** In an example a number without a point is an int64, and a list of both kinds is refused. */
function featureElementOf(datatype: Datatype): JsonElement {
  const isFloat = datatype.startsWith('FP') || datatype === 'BF16';
  // What has an exponent is a float as well.
  return isFloat
    ? (value) => (Number.isInteger(value) ? String(value).replace(/^-?\d+$/, '$&.0') : String(value))
    : elementOf(datatype);
}

function member(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** TensorFlow Serving tells the states of all versions, KServe V1 `ready`. */
function isAvailable(value: unknown): true | undefined {
  const versions = member(value, 'model_version_status');
  const some = Array.isArray(versions) && versions.some((version) => member(version, 'state') === 'AVAILABLE');
  return some || member(value, 'ready') === true ? true : undefined;
}

function signaturesIn(value: unknown): unknown {
  return member(member(member(value, 'metadata'), 'signature_def'), 'signature_def');
}
