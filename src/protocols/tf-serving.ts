import type { Datatype, InputSpec } from '../datasets/dataset.js';
import { FlagProblem, type FlagValues, text } from '../flags.js';
import { INPUT_FLAG } from './tensors.js';

/** Which model to ask for, and which version of it. */
export const MODEL_FLAGS = {
  model: text({ arg: 'NAME', help: 'model to ask for', default: 'mnist' }),
  'model-version': {
    arg: 'V',
    help: 'version of the model (default: the newest)',
    parse(value: string): string {
      if (!/^\d+$/.test(value)) {
        throw new FlagProblem('must be a version number');
      }
      return value;
    },
  },
} as const;

/** What to ask TensorFlow Serving for, over REST and gRPC alike; the defaults fit the seeds' MNIST model. */
export const TF_FLAGS = {
  ...MODEL_FLAGS,
  'version-label': text({ arg: 'LABEL', help: 'label of the version, in place of its number' }),
  signature: text({
    arg: 'NAME',
    help: 'signature of the model; two with a comma for multi-inference: the one to classify with, the one to regress with (default: what fits the call with the model mnist, else serving_default)',
  }),
  input: INPUT_FLAG,
} as const;

/** The calls that both ways of travelling have. */
export const TF_CALLS = ['predict', 'classify', 'regress'] as const;
type Call = (typeof TF_CALLS)[number] | 'multi-inference';

type TfValues = Pick<FlagValues<typeof TF_FLAGS>, keyof typeof TF_FLAGS> & { readonly call: Call };

const SEED_MODEL = 'mnist';

/** The signatures and input names of the model that the seeds and the embedded server have. */
const SEED_NAMES: Readonly<Record<Call, { readonly signatures: readonly string[]; readonly input: string }>> = {
  predict: { signatures: ['predict_images'], input: 'images' },
  classify: { signatures: ['serving_default'], input: 'x' },
  regress: { signatures: ['regress_digit'], input: 'x' },
  'multi-inference': { signatures: ['serving_default', 'regress_digit'], input: 'x' },
};

/** What the flags say is wrong together. */
export function tfProblems(values: TfValues): readonly string[] {
  const { signature, call } = values;
  return [
    ...(values['model-version'] !== undefined && values['version-label'] !== undefined
      ? ['--model-version and --version-label exclude each other']
      : []),
    ...(signature !== undefined && call === 'multi-inference' && signature.split(',').length !== 2
      ? [`--call multi-inference takes two signatures with a comma between: got "${signature}"`]
      : []),
  ];
}

/** Whether the digits fit what is asked for. */
export function fitsDigits({ model, signature, input, call }: TfValues): boolean {
  const names = SEED_NAMES[call];
  return (
    model === SEED_MODEL &&
    (signature ?? names.signatures.join()) === names.signatures.join() &&
    (input ?? names.input) === names.input
  );
}

/** The signatures to call: one, or two for multi-inference. */
export function signaturesOf({ model, signature, call }: TfValues): readonly string[] {
  const defaults = SEED_NAMES[call].signatures;
  return signature?.split(',') ?? (model === SEED_MODEL ? defaults : defaults.map(() => 'serving_default'));
}

/** The input that tensors without a name go to. */
export function inputNameOf({ model, input, call }: TfValues): string {
  return input ?? (model === SEED_MODEL || call !== 'predict' ? SEED_NAMES[call].input : 'inputs');
}

/** The datatypes by their names in TensorFlow, and the repeated field of TensorProto that may hold their values. */
export const TF_DATATYPES: Readonly<Record<Datatype, { readonly dtype: string; readonly field: `${string}_val` }>> = {
  FP32: { dtype: 'DT_FLOAT', field: 'float_val' },
  FP64: { dtype: 'DT_DOUBLE', field: 'double_val' },
  FP16: { dtype: 'DT_HALF', field: 'half_val' },
  BF16: { dtype: 'DT_BFLOAT16', field: 'half_val' },
  INT8: { dtype: 'DT_INT8', field: 'int_val' },
  UINT8: { dtype: 'DT_UINT8', field: 'int_val' },
  INT16: { dtype: 'DT_INT16', field: 'int_val' },
  UINT16: { dtype: 'DT_UINT16', field: 'int_val' },
  INT32: { dtype: 'DT_INT32', field: 'int_val' },
  UINT32: { dtype: 'DT_UINT32', field: 'uint32_val' },
  INT64: { dtype: 'DT_INT64', field: 'int64_val' },
  UINT64: { dtype: 'DT_UINT64', field: 'uint64_val' },
  BOOL: { dtype: 'DT_BOOL', field: 'bool_val' },
  BYTES: { dtype: 'DT_STRING', field: 'string_val' },
};

const BY_DTYPE: ReadonlyMap<unknown, Datatype> = new Map(
  Object.entries(TF_DATATYPES).map(([name, { dtype }]) => [dtype, name as Datatype]),
);

/** The datatype of a name such as DT_FLOAT; undefined for those that no tensor of ours has. */
export function datatypeOfDtype(dtype: unknown): Datatype | undefined {
  return BY_DTYPE.get(dtype);
}

/** An input of a signature as REST and gRPC tell it; of REST nothing is believed. */
interface TensorInfo {
  readonly dtype?: unknown;
  readonly tensor_shape?: {
    readonly dim?: readonly ({ readonly size?: unknown } | null)[] | null;
    readonly unknown_rank?: unknown;
  } | null;
}

/**
 * The inputs that a call needs; none where it takes tf.Examples, whose features a signature does not tell. Throws
 * RangeError, a sentence, for a signature that is not there or cannot be filled.
 */
export function inputsOfCall(signatures: unknown, values: TfValues): readonly InputSpec[] {
  const inputs = signaturesOf(values).flatMap((name) => inputsOfSignature(signatures, name));
  return values.call === 'predict' ? inputs : [];
}

function inputsOfSignature(signatures: unknown, name: string): readonly InputSpec[] {
  const table = (signatures ?? {}) as Readonly<
    Record<string, { readonly inputs?: Readonly<Record<string, TensorInfo>> }>
  >;
  const signature = Object.hasOwn(table, name) ? table[name] : undefined;
  if (!signature) {
    throw new RangeError(`The model has no signature "${name}", but ${Object.keys(table).join(', ') || 'none at all'}`);
  }
  return Object.entries(signature.inputs ?? {}).map(([input, info]) => {
    const datatype = datatypeOfDtype(info?.dtype);
    if (!datatype) {
      throw new RangeError(`Input "${input}" has the datatype ${String(info?.dtype)}, which cannot be made`);
    }
    const dims = info.tensor_shape?.dim ?? [];
    // Of an unknown rank: the least that a batch needs.
    return {
      name: input,
      datatype,
      shape: info.tensor_shape?.unknown_rank ? [-1] : dims.map((dim) => Number(dim?.size)),
    };
  });
}
