import type { DigitModel } from './digit-model.js';
import { type Outcome, refusal } from './outcome.js';
import { formatError, invalid, isObject, type JsonObject } from './tf-serving-json.js';

/** A feature of a tensorflow.Example: values of one kind; texts have no use here and are only counted. */
export interface Feature {
  readonly kind: 'float' | 'int64' | 'bytes';
  readonly values: readonly number[];
}

/** The features of one example by name. */
export type Example = Readonly<Record<string, Feature>>;

/** What the model was trained on: one feature of all pixels. */
const IMAGE_FEATURE = 'x';

/** The images of examples, `[batch, pixels]` row-major; errors are those of TensorFlow's parser of examples. */
export function imagesOf(examples: readonly Example[], { inputSize }: DigitModel): Outcome<Float32Array> {
  const images = new Float32Array(examples.length * inputSize);
  for (const [index, example] of examples.entries()) {
    const feature = Object.hasOwn(example, IMAGE_FEATURE) ? example[IMAGE_FEATURE] : undefined;
    const named = `Name: <unknown>, Feature: ${IMAGE_FEATURE}`;
    if (!feature) {
      return refusal('INVALID_ARGUMENT', `${named} (data type: float) is required but could not be found.`);
    }
    if (feature.kind !== 'float') {
      return refusal('INVALID_ARGUMENT', `${named}.  Data types don't match. Expected type: float`);
    }
    if (feature.values.length !== inputSize) {
      return refusal(
        'INVALID_ARGUMENT',
        `Name: <unknown>, Key: ${IMAGE_FEATURE}, Index: ${index}.  Number of float values != expected.  values size: ` +
          `${feature.values.length} but output shape: [${inputSize}]`,
      );
    }
    images.set(feature.values, index * inputSize);
  }
  return { value: images };
}

/**
 * Reads `examples` and `context` of a classify or regress call. The real server tells `1` from `1.0` and refuses lists
 * of both; numbers have lost that here, and all of them are floats.
 */
export function readExamples(document: JsonObject): Outcome<readonly Example[]> {
  const context = Object.hasOwn(document, 'context') ? readExample(document.context) : { value: {} };
  if (context.error) {
    return context;
  }
  const { examples } = document;
  if (examples === undefined) {
    return formatError(document, "When method is classify, key 'examples' is expected and was not found");
  }
  if (!Array.isArray(examples)) {
    return formatError(document, "Expecting 'examples' value to be an list/array");
  }
  if (examples.length === 0) {
    return formatError(document, "'examples' value is an empty array");
  }
  const read: Example[] = [];
  for (const value of examples) {
    const example = readExample(value);
    if (example.error) {
      return example;
    }
    read.push({ ...context.value, ...example.value });
  }
  return { value: read };
}

function readExample(value: unknown): Outcome<Example> {
  if (!isObject(value)) {
    const type = Array.isArray(value) ? 'Array' : typeof value === 'string' ? 'String' : 'Number';
    return { error: invalid(`Example must be JSON object but got JSON ${type}`) };
  }
  const features: [string, Feature][] = [];
  for (const [name, content] of Object.entries(value)) {
    const feature = readFeature(name, Array.isArray(content) ? content : [content]);
    if (feature.error) {
      return feature;
    }
    features.push([name, feature.value]);
  }
  return { value: Object.fromEntries(features) };
}

function readFeature(name: string, elements: readonly unknown[]): Outcome<Feature> {
  const kinds = elements.map(kindOf);
  const odd = kinds.indexOf(undefined);
  if (odd >= 0) {
    const type = Array.isArray(elements[odd]) ? 'Array' : elements[odd] === null ? 'Null' : 'Bool';
    return { error: invalid(`Feature: ${name} has element with unexpected JSON type: ${type}`) };
  }
  const [kind = 'float'] = kinds as Feature['kind'][];
  if (kinds.some((other) => other !== kind)) {
    return { error: invalid(`Unexpected element type for feature: ${name}, the elements before are ${kind}`) };
  }
  return { value: { kind, values: kind === 'float' ? (elements as number[]) : new Array(elements.length).fill(0) } };
}

function kindOf(element: unknown): Feature['kind'] | undefined {
  if (typeof element === 'number') {
    return 'float';
  }
  const isBase64 = isObject(element) && typeof element.b64 === 'string' && Object.keys(element).length === 1;
  return typeof element === 'string' || isBase64 ? 'bytes' : undefined;
}
