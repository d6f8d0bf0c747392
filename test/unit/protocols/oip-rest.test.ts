import { describe, expect, it } from 'vitest';
import type { Item } from '../../../src/datasets/dataset.js';
import { oipRest } from '../../../src/protocols/oip-rest.js';

const IRIS = { model: 'iris', 'model-version': undefined, input: 'input-0' };
const json = await oipRest.create({ ...IRIS, encoding: 'json' }, '');
const binary = await oipRest.create({ ...IRIS, encoding: 'binary' }, '');

const tensor = (values: readonly number[], shape = [values.length]): Item => ({
  kind: 'tensor',
  shape,
  values: Float32Array.from(values),
});
const FLOWER = [tensor([1, 2, 3, 4])];
const TAIL = '0000803f000000400000404000008040';
/** The vector of a BYTES tensor: "I love you!", "é". */
const TEXTS = '0b00000049206c6f766520796f752102000000c3a9';

describe('a JSON request', () => {
  it('equals the vector', () => {
    const { method, path, headers, body } = json.encode(FLOWER);
    expect([method, path]).toEqual(['POST', '/v2/models/iris/infer']);
    expect(headers).toEqual({ 'content-type': 'application/json', accept: 'application/json' });
    expect(String(body)).toBe('{"inputs":[{"name":"input-0","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}');
  });

  it('has [batch, items] as its shape and the items flat behind each other', () => {
    const { inputs } = JSON.parse(
      String(json.encode([tensor([1, 2, 3, 4], [2, 2]), tensor([5, 6, 7, 8], [2, 2])]).body),
    );
    expect(inputs).toEqual([{ name: 'input-0', shape: [2, 2, 2], datatype: 'FP32', data: [1, 2, 3, 4, 5, 6, 7, 8] }]);
  });

  it('asks for a version', async () => {
    const versioned = await oipRest.create({ ...IRIS, model: 'a b', 'model-version': 'v0.1', encoding: 'json' }, '');
    expect(versioned.encode(FLOWER).path).toBe('/v2/models/a%20b/versions/v0.1/infer');
  });
});

describe('a binary request', () => {
  it('equals the vector', () => {
    const { headers, body } = binary.encode(FLOWER);
    expect(headers).toEqual({
      'content-type': 'application/octet-stream',
      'inference-header-content-length': '141',
    });
    expect(body?.length).toBe(157);
    expect(body?.toString('utf8', 0, 141)).toBe(
      '{"inputs":[{"name":"input-0","shape":[1,4],"datatype":"FP32","parameters":{"binary_data_size":16}}],' +
        '"parameters":{"binary_data_output":true}}',
    );
    expect(body?.toString('hex', 141)).toBe(TAIL);
  });

  it('counts its header in bytes', async () => {
    const named = await oipRest.create({ ...IRIS, input: 'entrée', encoding: 'binary' }, '');
    const { headers, body } = named.encode(FLOWER);
    const length = Number(headers['inference-header-content-length']);
    expect(JSON.parse(body?.toString('utf8', 0, length) as string).inputs[0].name).toBe('entrée');
    expect(body?.toString('hex', length)).toBe(TAIL);
  });
});

const output = (more: object) => ({ name: 'o', datatype: 'FP32', shape: [2, 2], ...more });
const restAnswer = (outputs: readonly object[], tail = '', header = tail !== '') => {
  const head = Buffer.from(JSON.stringify({ model_name: 'iris', outputs }));
  const headers = header ? { 'inference-header-content-length': String(head.length) } : {};
  return json.decode({ status: 200, headers, body: Buffer.concat([head, Buffer.from(tail, 'hex')]) }, { batch: 2 });
};
const size = (bytes: unknown) => ({ parameters: { binary_data_size: bytes } });

describe('a REST answer to two items', () => {
  it.each([
    ['flat', output({ data: [1, 2, 3, 4] })],
    [
      'nested',
      output({
        data: [
          [1, 2],
          [3, 4],
        ],
      }),
    ],
    ['integers', output({ datatype: 'INT64', data: [1, 2, 3, 4] })],
    ['booleans', output({ datatype: 'BOOL', data: [true, false, true, true] })],
    ['texts', output({ datatype: 'BYTES', shape: [2], data: ['a', 'b'] })],
    ['empty', output({ shape: [2, 0], data: [] })],
  ])('may be %s', (_case, answered) => {
    expect(restAnswer([answered])).toEqual({ outcome: 'ok' });
  });

  it('may have bare NaN', () => {
    const body = Buffer.from('{"outputs":[{"name":"o","datatype":"FP32","shape":[2],"data":[NaN,-Infinity]}]}');
    expect(json.decode({ status: 200, headers: {}, body }, { batch: 2 }).outcome).toBe('ok');
  });

  it('may mix JSON and raw outputs, which lie in their order', () => {
    const outputs = [
      output(size(16)),
      output({ name: 'in JSON', data: [1, 2, 3, 4] }),
      output({ name: 'texts', datatype: 'BYTES', shape: [2], ...size(21) }),
    ];
    expect(restAnswer(outputs, TAIL + TEXTS)).toEqual({ outcome: 'ok' });
  });

  it.each([
    ['UINT8', 1],
    ['INT16', 2],
    ['FP16', 2],
    ['BF16', 2],
    ['UINT32', 4],
    ['FP64', 8],
    ['UINT64', 8],
  ])('may have raw %s of %d bytes each', (datatype, bytes) => {
    const of = (count: number) => restAnswer([output({ datatype, ...size(count) })], '00'.repeat(count));
    expect(of(4 * bytes)).toEqual({ outcome: 'ok' });
    expect(of(4 * bytes + 1).outcome).toBe('schema_mismatch');
  });

  it.each<[string, readonly object[], string, string]>([
    ['no outputs', [], '', 'Got no outputs'],
    ['no name', [{ datatype: 'FP32', shape: [2], data: [1, 2] }], '', 'Got an output without a name'],
    ['one name twice', [output({ data: [1, 2, 3, 4] }), output({ data: [1, 2, 3, 4] })], '', 'two outputs "o"'],
    ['an unknown datatype', [output({ datatype: 'FP8', data: [1, 2, 3, 4] })], '', 'unexpected datatype FP8'],
    ['no shape', [output({ shape: undefined, data: [1] })], '', 'wanted a shape, got undefined'],
    ['an open shape', [output({ shape: [2, -1], data: [1, 2] })], '', 'wanted a shape, got [2,-1]'],
    ['another batch', [output({ shape: [1, 2], data: [1, 2] })], '', 'wanted the shape [2, …], got [1, 2]'],
    ['too few values', [output({ data: [1, 2, 3] })], '', 'wanted 4 values of type number, got 3'],
    ['values of another type', [output({ data: [1, 2, '3', null] })], '', 'wanted 4 values of type number, got 2'],
    ['no values', [output({})], '', 'wanted 4 values of type number, got 0'],
    ['too few raw bytes', [output(size(12))], '00'.repeat(12), 'wanted 16 bytes for 4 values, got 12'],
    ['a size beyond the end', [output(size(17))], TAIL, 'wanted its size in the 16 bytes that are left, got 17'],
    ['a size that is none', [output(size(-1))], TAIL, 'wanted its size'],
    ['bytes for nobody', [output(size(16))], `${TAIL}00`, 'Got 1 bytes that belong to no output'],
    [
      'a cut text',
      [output({ datatype: 'BYTES', shape: [2], ...size(20) })],
      TEXTS.slice(0, 40),
      'wanted 2 values, got bytes that end within one',
    ],
    [
      'a text too many',
      [output({ datatype: 'BYTES', shape: [2], ...size(25) })],
      `${TEXTS}00000000`,
      'wanted 2 values, got 3',
    ],
  ])('with %s is no answer', (_case, outputs, tail, detail) => {
    expect(restAnswer(outputs, tail)).toEqual({ outcome: 'schema_mismatch', detail: expect.stringContaining(detail) });
  });

  it('is explained when it is an error', () => {
    const body = Buffer.from('{"error":"model is being unloaded"}');
    expect(json.decode({ status: 200, headers: {}, body }, { batch: 2 })).toEqual({
      outcome: 'schema_mismatch',
      detail: 'The server answered an error: model is being unloaded',
    });
  });

  it.each(['1000', '-1', 'x', ''])('with the header length %j cannot be split', (length) => {
    const headers = { 'inference-header-content-length': length };
    expect(json.decode({ status: 200, headers, body: Buffer.from('{}') }, { batch: 2 }).outcome).toBe('decode_error');
  });

  it('may nest its lists as deep as it likes', () => {
    const depth = 100_000;
    const data = `${'['.repeat(depth)}1,2,3,4${']'.repeat(depth)}`;
    const body = Buffer.from(`{"outputs":[{"name":"o","datatype":"FP32","shape":[2,2],"data":${data}}]}`);
    expect(json.decode({ status: 200, headers: {}, body }, { batch: 2 }).outcome).toBe('ok');
  });
});
