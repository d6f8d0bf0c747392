import type { InputSpec } from '../datasets/dataset.js';
import { BenchError } from '../errors.js';
import type { Learned, Questions } from '../protocols/protocol.js';
import { safeText } from '../text.js';
import { type Asking, ask, asking } from './ask.js';
import { isSynthetic } from './inputs.js';
import type { RunSpec } from './run-spec.js';

/** What a server told before the run; what it was not asked is absent. */
export interface Known {
  /** The definitions that the codec is made of. */
  readonly learned?: Learned | undefined;
  /** The inputs of the model. */
  readonly inputs?: readonly InputSpec[] | undefined;
}

/** What the server of a run can be asked. */
export async function questionsOf({ protocolKind, protocolSettings, endpoint }: RunSpec): Promise<Questions> {
  return (await protocolKind.questions?.(protocolSettings, endpoint?.path ?? '')) ?? {};
}

/** The flags that say which model it is. */
const MODEL_NAMES = ['model', 'model-version', 'version-label', 'signature', 'input'] as const;

/** Whether the server has to be asked before requests can be encoded. */
export function hasToLearn(spec: RunSpec, { definitions, metadata }: Questions): boolean {
  return definitions !== undefined || isSynthetic(spec) || (metadata !== undefined && wantsInputs(spec));
}

/** Whether the user names a model or a dataset, which then has to be there and to fit. */
function isNamed({ settings: { dataset }, asked }: RunSpec): boolean {
  return dataset !== undefined || MODEL_NAMES.some((name) => asked[name] !== undefined);
}

/**
 * Whether the inputs of the model matter: what the user names is held against them, and so are the defaults at a server
 * that is not ours, unless nothing is to be checked.
 */
function wantsInputs(spec: RunSpec): boolean {
  const asks = spec.endpoint !== undefined || isNamed(spec);
  return isSynthetic(spec) || (asks && spec.settings.check !== 'none');
}

/** Asks all that is wanted before requests can be encoded. Throws BenchError when it cannot be known. */
export async function learn(asked: Asking, { definitions, metadata }: Questions): Promise<Known> {
  const { spec } = asked;
  const context = { ...asked, mustConnect: true };
  const learned = definitions && (await asking(context, definitions));
  const told = metadata && wantsInputs(spec) ? await inputsFrom(context, metadata) : undefined;
  const inputs = told === undefined || told.length === 0 ? undefined : chosen(told, spec);
  if (!inputs && isSynthetic(spec)) {
    throw new BenchError(
      'usage',
      `Cannot make inputs: --protocol ${spec.settings.protocol} with these flags has no metadata that tells them`,
      { hint: 'name the inputs with --dataset' },
    );
  }
  return { learned, inputs };
}

/** The inputs that items are for: the one of `--input`, or all. Throws BenchError('usage') when the model has no such one. */
function chosen(told: readonly InputSpec[], spec: RunSpec): readonly InputSpec[] {
  const { input } = spec.asked;
  if (input === undefined) {
    return told;
  }
  const named = told.filter(({ name }) => name === input);
  if (named.length === 0) {
    const names = told.map(({ name }) => `"${safeText(name)}"`).join(', ');
    throw new BenchError('usage', `Cannot use --input ${safeText(String(input))}: the model takes ${names}`, {
      hint: "asked of the model's metadata, before any load",
    });
  }
  // Made ones are made for all that it needs.
  return isSynthetic(spec) ? told : named;
}

/**
 * The inputs of the model in the server's words; undefined where the server has no such call and none have to be made,
 * or does not tell of a model that nobody named. Throws BenchError: 'usage' for a model or signature that it does not
 * know, 'unreachable' when it does not answer.
 */
async function inputsFrom(
  context: Asking,
  metadata: NonNullable<Questions['metadata']>,
): Promise<readonly InputSpec[] | undefined> {
  const { spec } = context;
  const { reading, status, spoken } = await ask(metadata, context);
  if (reading.problem === undefined) {
    return reading.value;
  }
  const problem = safeText(reading.problem);
  const must = isSynthetic(spec) || isNamed(spec);
  if (!must && !isUnknown(spec, status, spoken)) {
    return undefined;
  }
  if (status === undefined) {
    throw new BenchError('unreachable', `Cannot ask for the inputs of the model: ${problem}`, {
      hint: 'nothing was sent',
    });
  }
  if (!isSynthetic(spec) && hasNoMetadata(spec, status, spoken)) {
    return undefined;
  }
  throw new BenchError('usage', `Cannot use the model: ${problem}`, {
    hint: 'asked before any load; --model and --model-version say which; --check none sends without asking',
  });
}

const NOT_FOUND = 5;

/** Whether the server says itself that it has no such model. */
function isUnknown({ protocolKind: { via } }: RunSpec, status: number | undefined, spoken: boolean): boolean {
  return via === 'grpc' ? status === NOT_FOUND : status === 404 && spoken;
}

const UNIMPLEMENTED = 12;
const NO_SUCH_PATH: readonly number[] = [404, 405, 501];

/** Whether the server has no such call at all. An error in the API's own form is about the model. */
function hasNoMetadata({ protocolKind: { via } }: RunSpec, status: number, spoken: boolean): boolean {
  return via === 'grpc' ? status === UNIMPLEMENTED : NO_SUCH_PATH.includes(status) && !spoken;
}
