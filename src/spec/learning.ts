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

/** The flags that say which model it is: with one of them the server is asked whether it has it. */
const MODEL_NAMES = ['model', 'model-version', 'version-label', 'signature', 'input'] as const;

/** Whether the server has to be asked before requests can be encoded. */
export function hasToLearn(spec: RunSpec, { definitions, metadata }: Questions): boolean {
  return definitions !== undefined || isSynthetic(spec) || (metadata !== undefined && wantsInputs(spec));
}

/** Whether the inputs of the model matter: a model or dataset that the user names is held against them, unless nothing is to be checked. */
function wantsInputs(spec: RunSpec): boolean {
  const { dataset, check } = spec.settings;
  const named = dataset !== undefined || MODEL_NAMES.some((name) => spec.asked[name] !== undefined);
  return isSynthetic(spec) || (named && check !== 'none');
}

/** Asks all that is wanted before requests can be encoded. Throws BenchError when it cannot be known. */
export async function learn(context: Asking, { definitions, metadata }: Questions): Promise<Known> {
  const { spec } = context;
  const learned = definitions && (await asking(context, definitions));
  const told = metadata && wantsInputs(spec) ? await inputsFrom(context, metadata) : undefined;
  const inputs = told?.length === 0 ? undefined : told;
  if (!inputs && isSynthetic(spec)) {
    throw new BenchError(
      'usage',
      `Cannot make inputs: --protocol ${spec.settings.protocol} with these flags has no metadata that tells them`,
      { hint: 'name the inputs with --dataset' },
    );
  }
  return { learned, inputs };
}

/**
 * The inputs of the model in the server's words; undefined where the server has no such call and none have to be made.
 * Throws BenchError: 'usage' for a model or signature that it does not know, 'unreachable' when it does not answer.
 */
async function inputsFrom(
  context: Asking,
  metadata: NonNullable<Questions['metadata']>,
): Promise<readonly InputSpec[] | undefined> {
  const { spec } = context;
  const { reading, status } = await ask(metadata, context);
  if (reading.problem === undefined) {
    return reading.value;
  }
  const problem = safeText(reading.problem);
  if (status === undefined) {
    throw new BenchError('unreachable', `Cannot ask for the inputs of the model: ${problem}`, {
      hint: 'nothing was sent',
    });
  }
  if (!isSynthetic(spec) && hasNoMetadata(spec, status, reading.problem)) {
    return undefined;
  }
  throw new BenchError('usage', `Cannot use the model: ${problem}`, {
    hint: 'asked of its metadata, before any load; --model, --model-version and --signature name it; --check none sends without asking',
  });
}

const UNIMPLEMENTED = 12;
const NO_SUCH_PATH: readonly number[] = [404, 405, 501];

/** Whether the server has no such call at all. An error in the API's own form is about the model. */
function hasNoMetadata({ protocolKind: { via } }: RunSpec, status: number, problem: string): boolean {
  return via === 'grpc' ? status === UNIMPLEMENTED : NO_SUCH_PATH.includes(status) && !problem.includes('"error"');
}
