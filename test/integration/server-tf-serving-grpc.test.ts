import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DigitModel } from '../../src/server/digit-model.js';
import { createGrpcServer, type GrpcServer, type Reset } from '../../src/server/grpc.js';
import { type InputTensor, mnistServable, type Servable } from '../../src/server/tf-serving.js';
import { tfServingServices } from '../../src/server/tf-serving-grpc.js';
import type { TruthLog, TruthRow } from '../../src/server/truth-log.js';

// A second, independent writer and reader of protobuf: the server's own must not check itself.

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

function int(field: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function bytes(field: number, ...parts: (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
}

function floats(values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}

/** Reads one level: field number -> contents in order. */
function fieldsOf(message: Buffer): Map<number, (Buffer | bigint)[]> {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  const number = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return value;
      }
    }
  };
  while (at < message.length) {
    const tag = Number(number());
    let content: Buffer | bigint = number();
    if ((tag & 7) === 2) {
      at += Number(content);
      content = message.subarray(at - Number(content), at);
    }
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), content]);
  }
  return fields;
}

/** The first content of a field, which must be there. */
function part(fields: ReturnType<typeof fieldsOf>, field: number): Buffer {
  const content = fields.get(field)?.[0];
  if (!Buffer.isBuffer(content)) {
    throw new Error(`No field ${field}`);
  }
  return content;
}

const DT_FLOAT = 1;
const DT_DOUBLE = 2;
const DT_STRING = 7;

interface Tensor {
  readonly dtype?: number;
  readonly shape?: readonly (number | bigint)[];
  readonly values: Buffer;
}

const spec = (name = 'mnist', ...more: Buffer[]) => bytes(1, bytes(1, name), ...more);
const signature = (name: string) => bytes(3, name);
const tensor = ({ dtype = DT_FLOAT, shape, values }: Tensor) =>
  Buffer.concat([int(1, dtype), ...(shape ? [bytes(2, ...shape.map((size) => bytes(2, int(1, size))))] : []), values]);
const input = (name: string, value: Tensor) => bytes(2, bytes(1, name), bytes(2, tensor(value)));
const content = (values: readonly number[]) => bytes(4, floats(values));
const packed = (values: readonly number[]) => bytes(5, floats(values));

const PREDICT_IMAGES = signature('predict_images');

/** An image whose first ten pixels are `first`, `first` + 1/16, …: exact in float32. */
function image(first: number): number[] {
  return Array.from({ length: 784 }, (_, pixel) => (pixel < 10 ? first + pixel / 16 : 0));
}

/** The scores of an image are its first ten pixels. */
const copyModel: DigitModel = {
  inputSize: 784,
  classes: 10,
  predict: (images, batch) =>
    Float32Array.from({ length: batch * 10 }, (_, at) => images[Math.floor(at / 10) * 784 + (at % 10)] as number),
};

const rows: TruthRow[] = [];
const truthLog: TruthLog = { record: (row) => rows.push(row), close: async () => {} };
let server: GrpcServer;
let client: Client;

beforeAll(async () => {
  server = await serve(mnistServable(copyModel), truthLog);
  client = clientOf(server);
});
afterEach(() => {
  rows.length = 0;
});
afterAll(async () => {
  client.close();
  await server.close();
});

function serve(servable: Servable, log?: TruthLog): Promise<GrpcServer> {
  const services = (reset: Reset) => tfServingServices(servable, { truthLog: log, reset });
  return createGrpcServer({ host: '127.0.0.1', port: 0, services });
}

function clientOf({ port }: GrpcServer): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.enable_retries': 0,
  });
}

type Reply = { readonly message: Buffer; readonly code: 0 } | { readonly code: number; readonly details: string };

function call(method: string, request: Buffer, options: { id?: string; to?: Client } = {}): Promise<Reply> {
  const metadata = new Metadata();
  if (options.id !== undefined) {
    metadata.set('x-request-id', options.id);
  }
  const asBytes = (value: Buffer) => value;
  return new Promise((resolve) => {
    (options.to ?? client).makeUnaryRequest(
      `/tensorflow.serving.${method}`,
      asBytes,
      asBytes,
      request,
      metadata,
      (error: ServiceError | null, message) =>
        resolve(error ? { code: error.code, details: error.details } : { code: 0, message: message as Buffer }),
    );
  });
}

const predict = (...parts: Buffer[]) => call('PredictionService/Predict', Buffer.concat(parts));

async function scoresOf(...parts: Buffer[]): Promise<{ shape: bigint[]; values: number[] }> {
  const reply = await predict(...parts);
  if (!('message' in reply)) {
    throw new Error(`${reply.code} ${reply.details}`);
  }
  const output = fieldsOf(part(fieldsOf(reply.message), 1));
  expect(String(part(output, 1))).toBe('scores');
  const fields = fieldsOf(part(output, 2));
  expect(fields.get(1)).toEqual([BigInt(DT_FLOAT)]);
  expect(fields.has(4)).toBe(false);
  const dims = fieldsOf(part(fields, 2)).get(2) as Buffer[];
  const data = fields.has(5) ? part(fields, 5) : Buffer.alloc(0);
  return {
    shape: dims.map((dim) => (fieldsOf(dim).get(1)?.[0] as bigint | undefined) ?? 0n),
    values: Array.from({ length: data.length / 4 }, (_, at) => data.readFloatLE(at * 4)),
  };
}

const firstTen = (...firsts: number[]) => firsts.flatMap((first) => image(first).slice(0, 10));

describe('the published vectors', () => {
  it('are answered byte for byte', async () => {
    const seen: InputTensor[] = [];
    const vectorServable: Servable = {
      ...mnistServable(copyModel),
      run(_signature, inputs) {
        seen.push(...inputs.values());
        return { value: { scores: { shape: [1, 2], values: Float32Array.of(0.25, 0.75) } } };
      },
    };
    const vectors = await serve(vectorServable);
    const to = clientOf(vectors);
    const requests = [
      '0a170a056d6e6973741a0e707265646963745f696d6167657312240a06696d61676573121a0801120812020801120208032a0c000000000000003f0000803f',
      '0a170a056d6e6973741a0e707265646963745f696d6167657312240a06696d61676573121a080112081202080112020803220c000000000000003f0000803f',
    ];
    for (const request of requests) {
      const reply = await call('PredictionService/Predict', Buffer.from(request, 'hex'), { to });
      expect('message' in reply && reply.message.toString('hex')).toBe(
        '0a200a0673636f72657312160801120812020801120208022a080000803e0000403f121b0a056d6e697374120208011a0e707265646963745f696d61676573',
      );
    }
    expect(seen).toEqual([1, 2].map(() => ({ dtype: 'DT_FLOAT', shape: [1, 3], values: Float32Array.of(0, 0.5, 1) })));
    const status = await call('ModelService/GetModelStatus', Buffer.from('0a070a056d6e697374', 'hex'), { to });
    expect('message' in status && status.message.toString('hex')).toBe('0a060801101e1a00');
    to.close();
    await vectors.close();
  });
});

describe('Predict', () => {
  it.each([
    ['tensor_content', content([...image(0), ...image(2)])],
    ['float_val', packed([...image(0), ...image(2)])],
    [
      'float_val one by one',
      Buffer.concat([...image(0), ...image(2)].map((value) => Buffer.concat([varint((5 << 3) | 5), floats([value])]))),
    ],
  ])('reads a batch from %s', async (_title, values) => {
    expect(await scoresOf(spec('mnist', PREDICT_IMAGES), input('images', { shape: [2, 784], values }))).toEqual({
      shape: [2n, 10n],
      values: firstTen(0, 2),
    });
  });

  it.each([
    ['one value for the whole shape', packed([0.5]), Array.from({ length: 20 }, () => 0.5)],
    [
      'the last value for the rest',
      packed([...image(3), 0.25]),
      [...firstTen(3), ...Array.from({ length: 10 }, () => 0.25)],
    ],
    ['zeros for no values', Buffer.alloc(0), Array.from({ length: 20 }, () => 0)],
    ['no more values than fit', packed([...image(1), ...image(2), 9, 9]), firstTen(1, 2)],
  ])('takes %s', async (_title, values, expected) => {
    const request = [spec('mnist', PREDICT_IMAGES), input('images', { shape: [2, 784], values })];
    expect((await scoresOf(...request)).values).toEqual(expected);
  });

  it('answers with the version and the signature that it used', async () => {
    const reply = await predict(
      spec('mnist', bytes(2, int(1, 1)), PREDICT_IMAGES),
      input('images', { shape: [1, 784], values: content(image(0)) }),
    );
    expect('message' in reply && part(fieldsOf(reply.message), 2).toString('hex')).toBe(
      '0a056d6e697374120208011a0e707265646963745f696d61676573',
    );
  });

  it('gives the outputs that the filter names', async () => {
    const request = [spec('mnist', PREDICT_IMAGES), input('images', { shape: [1, 784], values: content(image(0)) })];
    expect((await scoresOf(...request, bytes(3, 'scores'))).values).toEqual(firstTen(0));
  });

  it('takes an empty batch', async () => {
    const request = [spec('mnist', PREDICT_IMAGES), input('images', { shape: [0, 784], values: Buffer.alloc(0) })];
    expect(await scoresOf(...request)).toEqual({ shape: [0n, 10n], values: [] });
  });

  it('takes more than the 4 MiB at which the library would stop', async () => {
    const batch = 4096;
    const values = content(Array.from({ length: batch }, (_, index) => image(index % 16)).flat());
    expect(values.length).toBeGreaterThan(12 * 1024 * 1024);
    const scores = await scoresOf(spec('mnist', PREDICT_IMAGES), input('images', { shape: [batch, 784], values }));
    expect(scores.shape).toEqual([4096n, 10n]);
    expect(scores.values.slice(-10)).toEqual(firstTen(15));
  });

  it('answers concurrent calls each with its own result', async () => {
    const scores = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        scoresOf(spec('mnist', PREDICT_IMAGES), input('images', { shape: [1, 784], values: content(image(index)) })),
      ),
    );
    expect(scores.map(({ values }) => values[0])).toEqual(Array.from({ length: 200 }, (_, index) => index));
  });

  const good = input('images', { shape: [1, 784], values: content(image(0)) });
  const images = (value: Tensor) => [spec('mnist', PREDICT_IMAGES), input('images', value)];

  it.each<[title: string, parts: Buffer[], code: number, details: string]>([
    ['nothing', [], 3, 'Missing ModelSpec'],
    ['no model spec', [good], 3, 'Missing ModelSpec'],
    ['no model name', [spec('', PREDICT_IMAGES), good], 3, 'ModelSpec has no name specified.'],
    ['an unknown model', [spec('x', PREDICT_IMAGES), good], 5, 'Servable not found for request: Latest(x)'],
    [
      'an unknown version',
      [spec('mnist', bytes(2, int(1, 5)), PREDICT_IMAGES), good],
      5,
      'Servable not found for request: Specific(mnist, 5)',
    ],
    [
      'version 0, which is not the same as none',
      [spec('mnist', bytes(2), PREDICT_IMAGES), good],
      5,
      'Servable not found for request: Specific(mnist, 0)',
    ],
    [
      'an unknown label',
      [spec('mnist', bytes(4, 'stable'), PREDICT_IMAGES), good],
      3,
      'Unrecognized servable version label: stable',
    ],
    ['an unknown signature', [spec('mnist', signature('X')), good], 9, 'Serving signature key "X" not found.'],
    [
      'a signature named like a method of all objects',
      [spec('mnist', signature('toString')), good],
      9,
      'Serving signature key "toString" not found.',
    ],
    [
      'no inputs',
      [spec('mnist', PREDICT_IMAGES)],
      3,
      'input size does not match signature: 0!=1 len({}) != len({images}). Sent extra: {}. Missing but required: {images}.',
    ],
    [
      'one input too many',
      [spec('mnist', PREDICT_IMAGES), good, input('mask', { shape: [], values: packed([1]) })],
      3,
      'input size does not match signature: 2!=1 len({images,mask}) != len({images}). Sent extra: {mask}. Missing but required: {}.',
    ],
    [
      'the wrong input',
      [spec('mnist', PREDICT_IMAGES), input('x', { shape: [], values: packed([1]) })],
      3,
      'input tensor alias not found in signature: x. Inputs expected to be in the set {images}.',
    ],
    [
      'images for the default signature, which classifies',
      [spec(), good],
      3,
      'input tensor alias not found in signature: images. Inputs expected to be in the set {inputs}.',
    ],
    [
      'an unknown output',
      [spec('mnist', PREDICT_IMAGES), good, bytes(3, 'classes')],
      3,
      'output tensor alias not found in signature: classes Outputs expected to be in the set {scores}.',
    ],
    [
      'an output twice',
      [spec('mnist', PREDICT_IMAGES), good, bytes(3, 'scores'), bytes(3, 'scores')],
      3,
      'duplicate output tensor alias: scores',
    ],
    [
      'doubles',
      images({ dtype: DT_DOUBLE, shape: [1, 784], values: Buffer.alloc(0) }),
      3,
      'Expects arg[0] to be float but double is provided',
    ],
    [
      'content of the wrong length',
      images({ shape: [1, 784], values: content([1, 2, 3]) }),
      3,
      'tensor parsing error: images',
    ],
    ['a negative size', images({ shape: [-1n, 784], values: packed([1]) }), 3, 'tensor parsing error: images'],
    ['a scalar', images({ values: packed([1]) }), 3, 'In[0] is not a matrix. Instead it has shape []'],
    [
      'a narrow image',
      images({ shape: [1, 3], values: content([1, 2, 3]) }),
      3,
      'Matrix size-incompatible: In[0]: [1,3], In[1]: [784,10]',
    ],
    [
      'a shape that promises too much',
      images({ shape: [2 ** 40, 784], values: packed([1]) }),
      8,
      'OOM when allocating tensor with shape[1099511627776,784] and type float',
    ],
    [
      'an example for the default signature, which does not predict yet',
      [spec(), input('inputs', { dtype: DT_STRING, shape: [1], values: bytes(8, 'x') })],
      12,
      'Signature "serving_default" is not implemented by this server',
    ],
  ])('refuses %s', async (_title, parts, code, details) => {
    expect(await predict(...parts)).toEqual({ code, details });
  });

  it('answers INTERNAL to what is no message, and lives on', async () => {
    expect(await predict(Buffer.from('0affffffff0f', 'hex'))).toMatchObject({ code: 13 });
    expect((await predict(spec('mnist', PREDICT_IMAGES), good)).code).toBe(0);
  });

  it('cuts a long error text', async () => {
    const details = `Serving signature key "${'é'.repeat(5000)}`;
    expect(await predict(spec('mnist', signature('é'.repeat(5000))), good)).toEqual({
      code: 9,
      details: `${details.slice(0, 1024)}...TRUNCATED`,
    });
    expect(await predict(spec('mnist', signature(`x${'😀'.repeat(600)}`)), good)).toMatchObject({ code: 9 });
    expect(await predict(spec('mnist', signature('😀'.repeat(600))), good)).toMatchObject({ code: 9 });
  });
});

/** tensorflow.Example {features=1 {feature=1 {key=1, value=2 Feature}}}; float_list is field 2 of a feature. */
const example = (name: string, feature: Buffer) => bytes(1, bytes(1, bytes(1, name), bytes(2, feature)));
const floatList = (values: readonly number[]) => bytes(2, bytes(1, floats(values)));
const pixels = (first: number) => example('x', floatList(image(first)));
/** Input.example_list = 1, its examples = 1. */
const examples = (...all: Buffer[]) => bytes(2, bytes(1, ...all.map((one) => bytes(1, one))));

describe('classify and regress', () => {
  const ask = async (method: string, ...parts: Buffer[]) => {
    const reply = await call(`PredictionService/${method}`, Buffer.concat(parts));
    if (!('message' in reply)) {
      throw new Error(reply.details);
    }
    return fieldsOf(reply.message);
  };

  it('give the classes of each example, the likeliest first', async () => {
    const response = await ask('Classify', spec(), examples(pixels(0), pixels(1)));
    const classifications = fieldsOf(part(response, 1)).get(1) as Buffer[];
    const classes = classifications.map((all) => fieldsOf(all).get(1) as Buffer[]);
    // Class {label=1, score=2 float}: the label is the third byte.
    const labels = classes.map((all) => all.map((one) => String.fromCharCode(one[2] as number)).join(''));
    expect(labels).toEqual(['9876543210', '9876543210']);
    expect(classes[0]?.[0]?.toString('hex')).toBe('0a0139150000103f');
    // ModelSpec {name=1 "mnist", version=2 {1}, signature_name=3 "serving_default"}.
    const name = Buffer.from('serving_default').toString('hex');
    expect(part(response, 2).toString('hex')).toBe(`0a056d6e697374120208011a0f${name}`);
  });

  it('give one value per example', async () => {
    const response = await ask('Regress', spec('mnist', signature('regress_digit')), examples(pixels(0)));
    // Σ i · i/16 = 285/16 = 17.8125.
    expect(part(response, 1).toString('hex')).toBe('0a050d00808e41');
  });

  it('go together in MultiInference', async () => {
    const task = (method: string, ...more: Buffer[]) =>
      bytes(1, bytes(1, bytes(1, 'mnist'), ...more), bytes(2, `tensorflow/serving/${method}`));
    const response = await ask(
      'MultiInference',
      task('classify'),
      task('regress', signature('regress_digit')),
      examples(pixels(0)),
    );
    const results = (response.get(1) as Buffer[]).map(fieldsOf);
    expect(results.map((result) => [...result.keys()])).toEqual([
      [1, 2],
      [1, 3],
    ]);
  });

  it.each<[title: string, method: string, request: Buffer, code: number, details: string]>([
    ['no model spec', 'Classify', examples(pixels(0)), 3, 'Missing ModelSpec'],
    ['no input', 'Classify', spec(), 3, 'Input is empty.'],
    [
      'an unknown model',
      'Regress',
      Buffer.concat([spec('x'), examples(pixels(0))]),
      5,
      'Servable not found for request: Latest(x)',
    ],
    [
      'a signature of another method',
      'Classify',
      Buffer.concat([spec('mnist', PREDICT_IMAGES), examples(pixels(0))]),
      3,
      'Expected classification signature method_name to be tensorflow/serving/classify. Was: tensorflow/serving/predict',
    ],
    [
      'an unknown signature',
      'Regress',
      Buffer.concat([spec('mnist', signature('nope')), examples(pixels(0))]),
      3,
      'No signature was found with the name: nope',
    ],
    [
      'another feature',
      'Classify',
      Buffer.concat([spec(), examples(example('y', floatList([1])))]),
      3,
      'Name: <unknown>, Feature: x (data type: float) is required but could not be found.',
    ],
    [
      'whole numbers',
      'Classify',
      Buffer.concat([spec(), examples(example('x', bytes(3, bytes(1, Buffer.of(1)))))]),
      3,
      "Name: <unknown>, Feature: x.  Data types don't match. Expected type: float",
    ],
    [
      'too few pixels',
      'Classify',
      Buffer.concat([spec(), examples(example('x', floatList([1])))]),
      3,
      'Name: <unknown>, Key: x, Index: 0.  Number of float values != expected.  values size: 1 but output shape: [784]',
    ],
  ])('refuse %s', async (_title, method, request, code, details) => {
    expect(await call(`PredictionService/${method}`, request)).toEqual({ code, details });
  });
});

describe('the other methods', () => {
  it.each(['ModelService/HandleReloadConfigRequest', 'PredictionService/Unheard'])(
    '%s is UNIMPLEMENTED',
    async (method) => {
      expect(await call(method, Buffer.alloc(0))).toMatchObject({ code: 12 });
    },
  );

  it.each<[title: string, request: Buffer, code: number, details: string]>([
    ['no model spec', Buffer.alloc(0), 3, 'Missing ModelSpec'],
    ['an unknown model', spec('x'), 5, 'Could not find any versions of model x'],
    ['an unknown version', spec('mnist', bytes(2, int(1, 7))), 5, 'Could not find version 7 of model mnist'],
  ])('GetModelStatus refuses %s', async (_title, request, code, details) => {
    expect(await call('ModelService/GetModelStatus', request)).toEqual({ code, details });
  });

  const field = bytes(2, 'signature_def');

  it.each<[title: string, request: Buffer, code: number, details: string]>([
    ['no model spec', field, 3, 'Missing ModelSpec'],
    ['no field', spec(), 3, 'GetModelMetadataRequest must specify at least one metadata_field'],
    ['an unknown field', Buffer.concat([spec(), bytes(2, 'weights')]), 3, 'Metadata field weights is not supported'],
    ['an unknown model', Buffer.concat([spec('x'), field]), 5, 'Servable not found for request: Latest(x)'],
  ])('GetModelMetadata refuses %s', async (_title, request, code, details) => {
    expect(await call('PredictionService/GetModelMetadata', request)).toEqual({ code, details });
  });

  it('GetModelMetadata packs the signatures', async () => {
    // The request vector of the wire facts.
    const request = Buffer.from('0a070a056d6e697374120d7369676e61747572655f646566', 'hex');
    const reply = await call('PredictionService/GetModelMetadata', request);
    if (!('message' in reply)) {
      throw new Error(reply.details);
    }
    const response = fieldsOf(reply.message);
    expect(part(response, 1).toString('hex')).toBe('0a056d6e69737412020801');
    const entry = fieldsOf(part(response, 2));
    expect(String(part(entry, 1))).toBe('signature_def');
    const any = fieldsOf(part(entry, 2));
    expect(String(part(any, 1))).toBe('type.googleapis.com/tensorflow.serving.SignatureDefMap');
    const entries = (fieldsOf(part(any, 2)).get(1) as Buffer[]).map(fieldsOf);
    const signatures = new Map(entries.map((item) => [String(part(item, 1)), fieldsOf(part(item, 2))]));
    const methods = [...signatures].map(([name, definition]) => [name, String(part(definition, 3))]);
    expect(Object.fromEntries(methods)).toEqual({
      predict_images: 'tensorflow/serving/predict',
      serving_default: 'tensorflow/serving/classify',
      regress_digit: 'tensorflow/serving/regress',
    });
    const images = fieldsOf(part(signatures.get('predict_images') ?? new Map(), 1));
    expect(String(part(images, 1))).toBe('images');
    // The shape vector of the wire facts: [-1, 784].
    expect(part(fieldsOf(part(images, 2)), 3).toString('hex')).toBe('120b08ffffffffffffffffff011203089006');
  });
});

describe('the truth', () => {
  it('is one row per inference call', async () => {
    const ask = (method: string, id: string, ...parts: Buffer[]) => call(method, Buffer.concat(parts), { id });
    const batch = input('images', { shape: [3, 784], values: packed([1]) });
    const before = process.hrtime.bigint();
    await ask('PredictionService/Predict', '0000000001', spec('mnist', PREDICT_IMAGES), batch);
    await ask('PredictionService/Predict', '0000000002', spec('other'), batch);
    await ask('PredictionService/Predict', '0000000003', Buffer.from('0affffffff0f', 'hex'));
    await ask('PredictionService/Classify', '0000000004', spec());
    await ask('PredictionService/GetModelMetadata', '0000000005', spec());
    await ask('ModelService/GetModelStatus', '0000000006', spec());
    await predict(spec('mnist', PREDICT_IMAGES), batch);
    const after = process.hrtime.bigint();
    expect(rows.map(({ id, batch: items, status }) => [id, items, status])).toEqual([
      ['0000000001', 3, 0],
      ['0000000002', 3, 5],
      ['0000000003', 0, 13],
      ['0000000004', 0, 3],
      [undefined, 3, 0],
    ]);
    const times = rows.flatMap(({ receivedNs, sentNs }) => [receivedNs, sentNs]);
    expect([before, ...times, after]).toEqual([before, ...times, after].sort((a, b) => (a < b ? -1 : 1)));
  });
});

describe('close', () => {
  it('is quick under a client that keeps its connection', async () => {
    const other = await serve(mnistServable(copyModel));
    const to = clientOf(other);
    expect((await call('ModelService/GetModelStatus', spec(), { to })).code).toBe(0);
    const startNs = process.hrtime.bigint();
    await other.close();
    expect(Number(process.hrtime.bigint() - startNs) / 1e6).toBeLessThan(1000);
    expect((await call('ModelService/GetModelStatus', spec(), { to })).code).toBe(14);
    to.close();
  });
});
