import type { Dataset, InputSpec, Item, Tensor } from '../datasets/dataset.js';
import { syntheticTensors } from '../datasets/synthetic.js';
import type { RunSpec } from './run-spec.js';

/** The dataset that is made of the server's own metadata; by this name it can be asked for. */
const SYNTHETIC = 'synthetic';

/** Whether the items of a run are made for the inputs that the server tells. */
export function isSynthetic({ settings, protocolKind, protocolSettings }: RunSpec): boolean {
  const fits = protocolKind.fitsDataset?.(protocolSettings) ?? true;
  return settings.dataset === SYNTHETIC || (settings.dataset === undefined && !fits);
}

/** Fewer are no variety, and more take long to make. */
const SYNTHETIC_ITEMS = 256;

/** The items that are made for the inputs of a model. Throws RangeError, a sentence, for a model that takes no such batch. */
export function madeFor(inputs: readonly InputSpec[], { settings }: RunSpec): Dataset {
  const batch = settings['batch-size'];
  for (const input of inputs) {
    checkBatch(input, batch);
  }
  return syntheticTensors({ inputs, size: Math.max(SYNTHETIC_ITEMS, batch), seed: settings.seed });
}

/** A dataset whose items go to the one input of a model. Its `at` throws RangeError, a sentence, for items that do not fit. */
export function fittedTo(inputs: readonly InputSpec[], dataset: Dataset, batch: number): Dataset {
  return { ...dataset, at: (index) => fitted(dataset.at(index), inputs, batch) };
}

function fitted(item: Item, inputs: readonly InputSpec[], batch: number): Item {
  const [input] = inputs;
  if (item.kind === 'tensors' || item.kind === 'row') {
    return item;
  }
  if (!input || inputs.length !== 1) {
    throw new RangeError(`the model takes ${inputs.map(({ name }) => `"${name}"`).join(', ')}, an item is one tensor`);
  }
  checkBatch(input, batch);
  const tensor =
    item.kind === 'tensor'
      ? item
      : elementFor(input, item.kind === 'text' ? Buffer.from(item.text.toWellFormed()) : item.bytes);
  const datatype = tensor.datatype ?? 'FP32';
  if (datatype !== input.datatype) {
    throw new RangeError(`input "${input.name}" of the model takes ${input.datatype}, the items are ${datatype}`);
  }
  const shape = input.shape.slice(1);
  const fits =
    shape.length === tensor.shape.length && shape.every((size, axis) => size < 0 || size === tensor.shape[axis]);
  if (!fits) {
    throw new RangeError(
      `input "${input.name}" of the model takes items of the shape [${shape.join(', ')}], they have [${tensor.shape.join(', ')}]`,
    );
  }
  const { expected } = item;
  return { kind: 'tensors', inputs: { [input.name]: tensor }, ...(expected && { expected }) };
}

/** A text or a file has one element, whatever the number of dimensions that the model gives it. */
function elementFor({ shape }: InputSpec, bytes: Uint8Array): Tensor {
  return {
    datatype: 'BYTES',
    shape: shape.slice(1).map(() => 1),
    values: [Buffer.from(bytes)],
  };
}

function checkBatch({ name, shape }: InputSpec, batch: number): void {
  const [first] = shape;
  if (first === undefined || (first >= 0 && first !== batch)) {
    throw new RangeError(
      `input "${name}" of the model takes [${shape.join(', ')}], whose first dimension is no batch of ${batch}`,
    );
  }
}
