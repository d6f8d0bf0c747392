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
