import { describe, expect, it } from 'vitest';
import type { Datatype, Item, TensorValues } from '../../../src/datasets/dataset.js';
import { oipFitsDigits } from '../../../src/protocols/oip.js';
import { oipGrpc } from '../../../src/protocols/oip-grpc.js';
import { oipRest } from '../../../src/protocols/oip-rest.js';
import { answer, refused, reply, requestOf } from '../../support/replies.js';

const MODEL = { model: 'm', 'model-version': undefined, input: undefined };
const json = await oipRest.create({ ...MODEL, encoding: 'json' }, '');
const binary = await oipRest.create({ ...MODEL, encoding: 'binary' }, '');
const raw = await oipGrpc.create({ ...MODEL, encoding: 'raw' }, '');
const jsonQuestions = (await oipRest.questions?.({ ...MODEL, encoding: 'json' }, '')) ?? {};
const rawQuestions = (await oipGrpc.questions?.({ ...MODEL, encoding: 'raw' }, '')) ?? {};
const typed = await oipGrpc.create({ ...MODEL, encoding: 'typed' }, '');

const item = (datatype: Datatype, values: TensorValues): Item => ({
  kind: 'tensor',
  datatype,
  shape: [values.length],
  values,
});

/** Elements of each datatype: in JSON, and as a typed field (tag, length, packed values) by the rules of protobuf. */
const WAYS: readonly (readonly [Datatype, TensorValues, jsonData: string, typedContents: string])[] = [
  ['BOOL', Uint8Array.of(1, 0), '[true,false]', '0a020100'],
  ['INT8', Int8Array.of(-1), '[-1]', '120affffffffffffffffff01'],
  ['INT16', Int16Array.of(2), '[2]', '120102'],
  ['INT32', Int32Array.of(300), '[300]', '1202ac02'],
  ['INT64', BigInt64Array.of(2n ** 53n + 1n), '[9007199254740993]', '1a088180808080808010'],
  ['UINT8', Uint8Array.of(128), '[128]', '22028001'],
  ['UINT16', Uint16Array.of(300), '[300]', '2202ac02'],
  ['UINT32', Uint32Array.of(1), '[1]', '220101'],
  ['UINT64', BigUint64Array.of(2n ** 64n - 1n), '[18446744073709551615]', '2a0affffffffffffffffff01'],
  ['FP32', Float32Array.of(0.5), '[0.5]', '32040000003f'],
  ['FP64', Float64Array.of(1), '[1]', '3a08000000000000f03f'],
  ['BYTES', [Buffer.from('hi')], '["hi"]', '42026869'],
];

describe('a tensor', () => {
  it.each(WAYS)('of %s goes in JSON and in its typed field', (datatype, values, data, contents) => {
    const shape = `[1,${values.length}]`;
    expect(String(json.encode([item(datatype, values)]).body)).toBe(
      `{"inputs":[{"name":"input-0","shape":${shape},"datatype":"${datatype}","data":${data}}]}`,
    );
    expect(
      typed
        .encode([item(datatype, values)])
        .body?.toString('hex')
        .endsWith(contents),
    ).toBe(true);
  });

  it.each(['FP16', 'BF16'] as const)('of %s goes raw only', (datatype) => {
    const half = [item(datatype, Float32Array.of(1))];
    expect(() => json.encode(half)).toThrow('no form in JSON: use --encoding binary');
    expect(() => typed.encode(half)).toThrow('no typed contents: use --encoding raw');
    const hex = datatype === 'FP16' ? '003c' : '803f';
    expect(binary.encode(half).body?.toString('hex').endsWith(hex)).toBe(true);
    expect(raw.encode(half).body?.toString('hex').endsWith(`3a02${hex}`)).toBe(true);
  });

  it('that is no number has no form in JSON', () => {
    expect(() => json.encode([item('FP32', Float32Array.of(Number.NaN))])).toThrow(RangeError);
    expect(() => json.encode([item('BYTES', [Buffer.of(0xff)])])).toThrow(RangeError);
  });

  it('may be one of several, in their order, raw ones behind each other', () => {
    const both: Item = {
      kind: 'tensors',
      inputs: {
        ids: { datatype: 'INT16', shape: [2], values: Int16Array.of(1, 2) },
        text: { datatype: 'BYTES', shape: [], values: [Buffer.from('a')] },
      },
    };
    const { body, headers } = binary.encode([both, both]);
    const length = Number(headers['inference-header-content-length']);
    expect(JSON.parse(String(body?.subarray(0, length))).inputs).toEqual([
      { name: 'ids', shape: [2, 2], datatype: 'INT16', parameters: { binary_data_size: 8 } },
      { name: 'text', shape: [2], datatype: 'BYTES', parameters: { binary_data_size: 10 } },
    ]);
    expect(body?.toString('hex', length)).toBe(`${'01000200'.repeat(2)}${'0100000061'.repeat(2)}`);
  });
});

describe('an answer', () => {
  const output = (more: object) => ({ name: 'o', datatype: 'FP32', shape: [2, 2], ...more });

  it('is the same per item, flat, nested or raw', () => {
    const rows = [
      [1, 2],
      [3, 4],
    ];
    const ofJson = (outputs: readonly object[]) => json.answers?.(answer(JSON.stringify({ outputs })), requestOf(2));
    expect(ofJson([output({ data: [1, 2, 3, 4] })])).toEqual(rows);
    expect(ofJson([output({ data: rows })])).toEqual(rows);
    const head = Buffer.from(JSON.stringify({ outputs: [output({ parameters: { binary_data_size: 16 } })] }));
    const body = Buffer.concat([head, Buffer.from(Float32Array.of(1, 2, 3, 4).buffer)]);
    const headers = { 'inference-header-content-length': String(head.length) };
    expect(binary.answers?.(answer(body, headers), requestOf(2))).toEqual(rows);
  });

  it('is the same per item, typed or raw over gRPC', () => {
    // The published vectors of requests are answers too: inputs have the number of outputs, raw contents 6 in place of 7.
    const ofTyped = '0a04697269732a270a07696e7075742d301204465033321a0201042a1232100000803f000000400000404000008040';
    const ofRaw = '0a04697269732a130a07696e7075742d301204465033321a02010432100000803f000000400000404000008040';
    for (const hex of [ofTyped, ofRaw]) {
      expect(raw.answers?.(answer(Buffer.from(hex, 'hex')), requestOf(1))).toEqual([[1, 2, 3, 4]]);
    }
  });
});

describe('readiness', () => {
  it('is the status alone over REST', () => {
    expect(jsonQuestions.readiness?.request.path).toBe('/v2/models/m/ready');
    expect(jsonQuestions.readiness?.read(reply(''))).toEqual({ value: true });
    expect(jsonQuestions.readiness?.read(refused(400, 'http_4xx (status 400)'))).toEqual({
      problem: 'http_4xx (status 400)',
    });
  });

  it('is ModelReady over gRPC', () => {
    expect(rawQuestions.readiness?.request.path).toBe('/inference.GRPCInferenceService/ModelReady');
    expect(rawQuestions.readiness?.request.body?.toString('hex')).toBe('0a016d');
    expect(rawQuestions.readiness?.read(reply(Buffer.from('0801', 'hex')))).toEqual({ value: true });
    expect(rawQuestions.readiness?.read(reply(Buffer.alloc(0)))).toEqual({ problem: 'Model "m" is not ready' });
  });
});

describe('the inputs of a model', () => {
  it('are read from the metadata over REST', () => {
    const inputs = [{ name: 'ids', datatype: 'INT64', shape: [-1, 128] }];
    expect(jsonQuestions.metadata?.request.path).toBe('/v2/models/m');
    expect(
      jsonQuestions.metadata?.read(reply(JSON.stringify({ name: 'm', platform: 'x', inputs, outputs: [] }))),
    ).toEqual({
      value: inputs,
    });
  });

  it.each([
    ['{"name":"m"}', 'name no inputs'],
    ['{"inputs":[{"name":"x","datatype":"COMPLEX","shape":[1]}]}', 'Wanted an input with name and datatype'],
    ['[]', 'name no inputs'],
    ['nonsense', 'Not JSON'],
  ])('are not in %s', (body, problem) => {
    expect(jsonQuestions.metadata?.read(reply(body))?.problem).toContain(problem);
  });

  // ModelMetadataResponse {name=1 "m", inputs=4 TensorMetadata {name=1 "x", datatype=2 "FP32", shape=3 [-1, 3]}}.
  const tensor = '0a01781204465033321a0bffffffffffffffffff0103';
  it.each([
    ['as the protocol has them', `0a016d2216${tensor}`],
    // Field 6: a map of texts in the protocol's own definition, of parameters in MLServer's, which has 4 in tensors too.
    ['with the properties of field 6', `0a016d2216${tensor}32060a016112017a`],
    ['with the parameters of MLServer', `0a016d221f${tensor}22070a01611202080132070a016112020801`],
  ])('are read over gRPC, %s', (_case, hex) => {
    expect(rawQuestions.metadata?.read(reply(Buffer.from(hex, 'hex')))).toEqual({
      value: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
    });
  });

  it('are those of the digits for the embedded server’s model', () => {
    expect(oipFitsDigits({ model: 'mnist', input: undefined })).toBe(true);
    expect(oipFitsDigits({ model: 'mnist', input: 'other' })).toBe(false);
    expect(oipFitsDigits({ model: 'resnet', input: undefined })).toBe(false);
  });
});

describe('the statistics of Triton', () => {
  const counters = {
    inferences: 12,
    executions: 5,
    success: { count: 3, ns: 300 },
    queue: { count: 3, ns: 200 },
    cacheHit: { count: 0, ns: 0 },
  };

  it('are the sum over versions, over REST', () => {
    const model = (inferences: number, executions: number, count: number) => ({
      name: 'm',
      inference_count: inferences,
      execution_count: executions,
      inference_stats: { success: { count, ns: 100 * count }, queue: { count, ns: count === 1 ? 50 : 150 } },
    });
    expect(jsonQuestions.statistics?.request.path).toBe('/v2/models/m/stats');
    const read = jsonQuestions.statistics?.read(
      reply(JSON.stringify({ model_stats: [model(4, 2, 1), model(8, 3, 2)] })),
    );
    expect(read?.value).toMatchObject(counters);
  });

  it('are read over gRPC', () => {
    expect(rawQuestions.statistics?.request.path).toBe('/inference.GRPCInferenceService/ModelStatistics');
    // ModelStatistics {inference_count=4 12, execution_count=5 5, inference_stats=6 {success=1 {3, 300}, queue=3 {3, 200}}}.
    const stats = '200c2805320e0a05080310ac021a05080310c801';
    expect(rawQuestions.statistics?.read(reply(Buffer.from(`0a14${stats}`, 'hex')))?.value).toMatchObject(counters);
  });

  it.each(['{}', '{"model_stats":[]}', '{"model_stats":3}'])('are not in %s', (body) => {
    expect(jsonQuestions.statistics?.read(reply(body))?.problem).toBeTruthy();
  });
});
