import type { DigitModel } from './digit-model.js';
import type { Answer, Call, Route } from './http.js';

/** A batch of 4,096 images with every digit of every pixel is about 65 MB of JSON. */
export const TORCHSERVE_MAX_BODY_BYTES = 128 * 1024 * 1024;

const NAME = 'mnist';
const VERSION = '1.0';

/** The types of the real server's errors that no handler gave, by status. */
const TYPES: Readonly<Record<number, string>> = {
  404: 'ResourceNotFoundException',
  405: 'MethodNotAllowedException',
  413: 'RequestEntityTooLargeException',
  503: 'ServiceUnavailableException',
};

/** The body of an error that no route gave. */
export function torchserveProblem(message: string, status: number): string {
  return errorText(status, TYPES[status] ?? 'InternalServerException', message);
}

function errorText(code: number, type: string, message: string): string {
  return JSON.stringify({ code, type, message }, undefined, 2);
}

function failed(code: number, type: string, message: string): Answer {
  return { status: code, body: errorText(code, type, message) };
}

/**
 * TorchServe's inference API for the digit model as `mnist`, version 1.0, with a handler that takes a JSON list of
 * images `[784]` and gives a list of scores `[10]`.
 */
export function torchserveRoutes(model: DigitModel): readonly Route[] {
  function predict({ groups: [name, version], body }: Call): Answer {
    if (name !== NAME) {
      return failed(404, 'ModelNotFoundException', `Model not found: ${name}`);
    }
    if ((version ?? VERSION) !== VERSION) {
      const message = `Model version: ${version} does not exist for model: ${name}`;
      return failed(404, 'ModelVersionNotFoundException', message);
    }
    const images = readImages(body, model.inputSize);
    if (!images) {
      // All that the real server tells of a handler that threw.
      return failed(503, 'InternalServerException', 'Prediction failed');
    }
    return { status: 200, body: torchserveAnswer(model, images), batch: images.length };
  }

  return [
    {
      method: 'POST',
      path: /\/predictions\/([^/]+)(?:\/([^/]+))?/,
      endpoint: '/predictions/{model}',
      inference: true,
      answer: predict,
    },
    { method: 'GET', path: '/ping', answer: () => ({ status: 200, body: '{"status":"Healthy"}' }) },
  ];
}

/** The answer to images `[784]`. */
export function torchserveAnswer(model: DigitModel, images: readonly (readonly number[])[]): string {
  const scores = model.predict(Float32Array.from(images.flat()), images.length);
  return JSON.stringify(
    images.map((_, row) => Array.from(scores.subarray(row * model.classes, (row + 1) * model.classes))),
  );
}

/** The images of a body; undefined when it is no list of them. */
function readImages(body: Buffer, size: number): readonly (readonly number[])[] | undefined {
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  const isImage = (item: unknown) =>
    Array.isArray(item) && item.length === size && item.every((value) => typeof value === 'number');
  return Array.isArray(document) && document.every(isImage) ? document : undefined;
}
