import type { Item } from '../datasets/dataset.js';
import { FlagProblem, text } from '../flags.js';

/** What to ask TensorFlow Serving for, over REST and gRPC alike; the defaults fit the seeds' MNIST model. */
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
  signature: text({ arg: 'NAME', help: 'signature of the model', default: 'predict_images' }),
} as const;

/** Tensors of a batch, all of one shape. */
export interface Batch {
  /** Without the batch dimension. */
  readonly itemShape: readonly number[];
  readonly rows: readonly Float32Array[];
}

/** A batch of examples of one shape; throws RangeError for other items. */
export function batchOf(items: readonly Item[]): Batch {
  const [first] = items;
  if (first?.kind !== 'tensor') {
    throw new RangeError('TensorFlow Serving takes tensors');
  }
  const rows = items.map((item) => {
    if (item.kind !== 'tensor' || item.shape.join() !== first.shape.join()) {
      throw new RangeError(`The items of a batch must have one shape, wanted [${first.shape.join(', ')}]`);
    }
    return item.values;
  });
  return { itemShape: first.shape, rows };
}
