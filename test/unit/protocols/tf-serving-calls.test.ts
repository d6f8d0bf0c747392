import { describe, expect, it } from 'vitest';
import type { Item } from '../../../src/datasets/dataset.js';
import type { Protocol, Questions } from '../../../src/protocols/protocol.js';
import { fitsDigits, tfProblems } from '../../../src/protocols/tf-serving.js';
import { tfServingGrpc } from '../../../src/protocols/tf-serving-grpc.js';
import { tfServingRest } from '../../../src/protocols/tf-serving-rest.js';
import { answer, refused, reply, requestOf } from '../../support/replies.js';

const DEFAULTS = {
  model: 'mnist',
  'model-version': undefined,
  'version-label': undefined,
  signature: undefined,
  input: undefined,
  call: 'predict',
  format: 'row',
  encoding: 'raw',
} as const;
type Given = Partial<Record<keyof typeof DEFAULTS, string>>;

const rest = (given: Given = {}) => tfServingRest.create({ ...DEFAULTS, ...given }, '');
const grpc = (given: Given = {}) => tfServingGrpc.create({ ...DEFAULTS, ...given }, '');

const restQuestions = async (given: Given = {}): Promise<Questions> =>
  (await tfServingRest.questions?.({ ...DEFAULTS, ...given }, '')) ?? {};
const grpcQuestions = async (given: Given = {}): Promise<Questions> =>
  (await tfServingGrpc.questions?.({ ...DEFAULTS, ...given }, '')) ?? {};

const tensor = (values: readonly number[], shape = [values.length]): Item => ({
  kind: 'tensor',
  shape,
  values: Float32Array.from(values),
});
const text = (word: string): Item => ({ kind: 'text', text: word });
const bytes = (hex: string): Item => ({
  kind: 'tensor',
  datatype: 'BYTES',
  shape: [],
  values: [Buffer.from(hex, 'hex')],
});
const bodyOf = (protocol: Protocol, items: readonly Item[]) => String(protocol.encode(items).body);
const hexOf = (protocol: Protocol, items: readonly Item[]) => protocol.encode(items).body?.toString('hex');

describe('predict over REST', () => {
  it('has a columnar form: the whole batch of the input', async () => {
    expect(bodyOf(await rest({ format: 'columnar' }), [tensor([0, 0.5]), tensor([1, 0.25])])).toBe(
      '{"signature_name":"predict_images","inputs":[[0,0.5],[1,0.25]]}',
    );
  });

  it('names the inputs where there are several', async () => {
    const item: Item = {
      kind: 'tensors',
      inputs: {
        a: { shape: [2], values: Float32Array.of(1, 2) },
        b: { datatype: 'INT64', shape: [], values: BigInt64Array.of(2n ** 60n) },
      },
    };
    expect(bodyOf(await rest(), [item])).toContain('"instances":[{"a":[1,2],"b":1152921504606846976}]');
    expect(bodyOf(await rest({ format: 'columnar' }), [item, item])).toContain(
      '"inputs":{"a":[[1,2],[1,2]],"b":[1152921504606846976,1152921504606846976]}',
    );
  });

  it('sends bytes that are no text in base64, and texts as they are', async () => {
    // The documentation's own example: "aW1hZ2UgYnl0ZXM=" is "image bytes", which is text here.
    expect(bodyOf(await rest(), [bytes('ffd8ff')])).toContain('"instances":[{"b64":"/9j/"}]');
    expect(bodyOf(await rest(), [text('say "hi"'), text('yo')])).toContain('"instances":["say \\"hi\\"","yo"]');
  });

  it('sends what is no number as the bare tokens that the server reads', async () => {
    expect(bodyOf(await rest(), [tensor([Number.NaN, Number.NEGATIVE_INFINITY])])).toContain('[[NaN,-Infinity]]');
  });

  it('sends booleans as such', async () => {
    const flags: Item = { kind: 'tensor', datatype: 'BOOL', shape: [2], values: Uint8Array.of(1, 0) };
    expect(bodyOf(await rest(), [flags])).toContain('"instances":[[true,false]]');
  });

  it('asks for a label', async () => {
    expect((await rest({ 'version-label': 'a b' })).encode([tensor([1])]).path).toBe(
      '/v1/models/mnist/labels/a%20b:predict',
    );
  });

  it.each([
    ['{"outputs":[[1],[2]]}', 'ok'],
    ['{"outputs":[1,2]}', 'ok'],
    ['{"outputs":{"scores":[[1],[2]],"classes":["a","b"]}}', 'ok'],
    ['{"outputs":{"scores":[[1],[2]],"classes":["a"]}}', 'schema_mismatch'],
    ['{"outputs":{"scores":3}}', 'schema_mismatch'],
    ['{"outputs":{}}', 'schema_mismatch'],
    ['{"predictions":[[1],[2]]}', 'schema_mismatch'],
  ])('in columnar form is answered for two items by %s: %s', async (body, outcome) => {
    const { decode } = await rest({ format: 'columnar' });
    expect(decode(answer(body), requestOf(2)).outcome).toBe(outcome);
  });

  it('gives the same answers per item in both forms', async () => {
    const rows = await rest();
    const columns = await rest({ format: 'columnar' });
    expect(rows.answers?.(answer('{"predictions":[[1,NaN],[2,-Infinity]]}'), requestOf(2))).toEqual([
      [1, Number.NaN],
      [2, Number.NEGATIVE_INFINITY],
    ]);
    const named = [
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ];
    expect(rows.answers?.(answer(JSON.stringify({ predictions: named })), requestOf(2))).toEqual(named);
    expect(columns.answers?.(answer('{"outputs":{"a":[1,2],"b":["x","y"]}}'), requestOf(2))).toEqual(named);
  });
});

describe('classify and regress over REST', () => {
  it('send examples: floats with a point, since without one they would be int64', async () => {
    const protocol = await rest({ call: 'classify' });
    const request = protocol.encode([tensor([0, 0.5, 2 ** 70]), tensor([1, -2, 3])]);
    expect(request.path).toBe('/v1/models/mnist:classify');
    expect(String(request.body)).toBe(
      '{"signature_name":"serving_default","examples":[{"x":[0.0,0.5,1.1805916207174113e+21]},{"x":[1.0,-2.0,3.0]}]}',
    );
  });

  it('send several features, whole numbers and texts', async () => {
    const item: Item = {
      kind: 'tensors',
      inputs: {
        age: { datatype: 'INT64', shape: [], values: BigInt64Array.of(7n) },
        word: { datatype: 'BYTES', shape: [1], values: [Buffer.from('hi')] },
        raw: { datatype: 'BYTES', shape: [], values: [Buffer.of(0xff)] },
      },
    };
    expect(bodyOf(await rest({ call: 'regress' }), [item])).toBe(
      '{"signature_name":"regress_digit","examples":[{"age":7,"word":["hi"],"raw":{"b64":"/w=="}}]}',
    );
  });

  it.each([
    ['classify', '{"results":[[["a",0.5],["b",0.5]],[["a",1]]]}', 'ok'],
    ['classify', '{"result":[[["a",NaN]],[["b",Infinity]]]}', 'ok'],
    ['classify', '{"results":[[["a",0.5]]]}', 'schema_mismatch'],
    ['classify', '{"results":[[["a",0.5]],[["a"]]]}', 'schema_mismatch'],
    ['classify', '{"results":[[["a",0.5]],3]}', 'schema_mismatch'],
    ['classify', '{"predictions":[1,2]}', 'schema_mismatch'],
    ['regress', '{"results":[1,NaN]}', 'ok'],
    ['regress', '{"result":[1,2]}', 'ok'],
    ['regress', '{"results":[1]}', 'schema_mismatch'],
    ['regress', '{"results":[[1],[2]]}', 'schema_mismatch'],
  ])('%s: %s is %s', async (call, body, outcome) => {
    expect((await rest({ call })).decode(answer(body), requestOf(2)).outcome).toBe(outcome);
  });
});

describe('the gRPC calls', () => {
  it('Classify equals the vector', async () => {
    const { path, body } = (await grpc({ call: 'classify', model: 'm', signature: 'x', input: 'x' })).encode([
      tensor([1]),
    ]);
    expect(path).toBe('/tensorflow.serving.PredictionService/Classify');
    // The published vector, but that its ModelSpec has a signature_name (field 3) as well.
    expect(body?.toString('hex')).toBe('0a060a016d1a017812150a130a110a0f0a0d0a0178120812060a040000803f');
  });

  it('Regress has the same message under its own path', async () => {
    const classify = await grpc({ call: 'classify', signature: 's' });
    const regress = await grpc({ call: 'regress', signature: 's' });
    expect(regress.encode([tensor([1])]).path).toBe('/tensorflow.serving.PredictionService/Regress');
    expect(hexOf(regress, [tensor([1])])).toBe(hexOf(classify, [tensor([1])]));
  });

  it('MultiInference has two tasks over one input', async () => {
    const protocol = await grpc({ call: 'multi-inference', model: 'm', signature: 'c,r' });
    const method = (name: string) => Buffer.from(`tensorflow/serving/${name}`).toString('hex');
    // InferenceTask: model_spec=1 {name=1, signature_name=3}, method_name=2.
    expect(hexOf(protocol, [tensor([1])])).toBe(
      `0a250a060a016d1a0163121b${method('classify')}0a240a060a016d1a0172121a${method('regress')}` +
        '12150a130a110a0f0a0d0a0178120812060a040000803f',
    );
  });

  it('put whole numbers and texts into the lists of their kind', async () => {
    const item: Item = {
      kind: 'tensors',
      inputs: {
        n: { datatype: 'INT32', shape: [2], values: Int32Array.of(-1, 300) },
        t: { datatype: 'BYTES', shape: [], values: [Buffer.from('hi')] },
      },
    };
    const hex = hexOf(await grpc({ call: 'classify', model: 'm', signature: 's' }), [item]) as string;
    // int64_list is field 3, packed: −1 has ten bytes; bytes_list is field 1.
    expect(hex).toContain('1a0e0a0cffffffffffffffffff01ac02');
    expect(hex).toContain('0a040a026869');
  });

  it.each([
    // ClassificationResponse {result=1 {classifications=1 {classes=1 {label=1, score=2}}}}.
    ['classify', '0a0c0a0a0a080a0161150000803f', 1, 'ok', [[['a', 1]]]],
    ['classify', '0a0c0a0a0a080a0161150000803f', 2, 'schema_mismatch', undefined],
    ['classify', '', 1, 'schema_mismatch', undefined],
    // RegressionResponse {result=1 {regressions=1 {value=1}}}.
    ['regress', '0a070a050d00000040', 1, 'ok', [2]],
    ['regress', 'ff', 1, 'decode_error', undefined],
    // MultiInferenceResponse {results=1 {classification_result=2}, results=1 {regression_result=3}}.
    [
      'multi-inference',
      '0a0e120c0a0a0a080a0161150000803f0a091a070a050d00000040',
      1,
      'ok',
      [{ classify: [['a', 1]], regress: 2 }],
    ],
    ['multi-inference', '0a091a070a050d00000040', 1, 'schema_mismatch', undefined],
  ] as const)('%s: %s to %d items is %s', async (call, hex, batch, outcome, answers) => {
    const protocol = await grpc({ call });
    const response = answer(Buffer.from(hex, 'hex'));
    expect(protocol.decode(response, requestOf(batch)).outcome).toBe(outcome);
    if (answers) {
      expect(protocol.answers?.(response, requestOf(batch))).toEqual(answers);
    }
  });
});

describe('Predict over gRPC', () => {
  it('equals the vector of texts, but that it has a signature and no filter', async () => {
    const protocol = await grpc({ model: 'm', 'model-version': '3', signature: 's', input: 'text' });
    expect(hexOf(protocol, [text('hi'), text('yo')])).toBe(
      '0a0a0a016d120208031a017312180a047465787412100807120412020802420268694202796f',
    );
  });

  it('names a label as the vector does', async () => {
    const protocol = await grpc({ model: 'm', 'version-label': 'stable', signature: 's' });
    // ModelSpec: name=1, signature_name=3, version_label=4.
    expect(hexOf(protocol, [tensor([1])])?.startsWith('0a0e0a016d1a01732206737461626c65')).toBe(true);
  });

  it.each([
    ['INT64', BigInt64Array.of(-1n, 300n), '520cffffffffffffffffff01ac02'],
    ['UINT8', Uint8Array.of(0, 128, 255), '3a05008001ff01'],
  ] as const)('has typed %s as the vectors do', async (datatype, values, field) => {
    const protocol = await grpc({ encoding: 'typed', model: 'm', signature: 's' });
    const item: Item = { kind: 'tensor', datatype, shape: [values.length], values };
    expect(hexOf(protocol, [item])).toContain(field);
  });

  it('has halves as their bits', async () => {
    const protocol = await grpc({ encoding: 'typed', model: 'm', signature: 's' });
    const item: Item = { kind: 'tensor', datatype: 'FP16', shape: [1], values: Float32Array.of(1) };
    // half_val = field 13, packed: 0x3c00 as a varint.
    expect(hexOf(protocol, [item])).toContain('6a028078');
  });

  it('gives the same answers from typed and from raw values', async () => {
    const protocol = await grpc();
    // The published vector: scores [1,2] 0.25, 0.75.
    const vector =
      '0a200a0673636f72657312160801120812020801120208022a080000803e0000403f121b0a056d6e697374120208011a0e707265646963745f696d61676573';
    for (const hex of [vector, vector.replace('2a080000803e', '22080000803e')]) {
      expect(protocol.answers?.(answer(Buffer.from(hex, 'hex')), requestOf(1))).toEqual([[0.25, 0.75]]);
    }
  });
});

describe('readiness', () => {
  it('over REST is a version that is AVAILABLE, or ready in KServe V1', async () => {
    const { readiness } = await restQuestions();
    expect(readiness?.request.path).toBe('/v1/models/mnist');
    const read = (body: string) => readiness?.read(reply(body));
    expect(read('{"model_version_status":[{"version":"1","state":"AVAILABLE","status":{}}]}')).toEqual({ value: true });
    expect(read('{"name":"mnist","ready":true}')).toEqual({ value: true });
    expect(read('{"name":"mnist","ready":false}')?.problem).toContain('AVAILABLE');
    expect(read('{"model_version_status":[{"version":"1","state":"LOADING"}]}')?.problem).toContain('LOADING');
    expect(readiness?.read(refused(404, 'http_4xx (status 404)'))).toEqual({ problem: 'http_4xx (status 404)' });
  });

  it('over gRPC is GetModelStatus with state AVAILABLE', async () => {
    const { readiness } = await grpcQuestions();
    expect(readiness?.request.path).toBe('/tensorflow.serving.ModelService/GetModelStatus');
    // The published vectors.
    expect(readiness?.request.body?.toString('hex')).toBe('0a070a056d6e697374');
    expect(readiness?.read(reply(Buffer.from('0a060801101e1a00', 'hex')))).toEqual({ value: true });
    // State 20 is LOADING.
    expect(readiness?.read(reply(Buffer.from('0a06080110141a00', 'hex')))?.problem).toContain('version 1 LOADING');
    expect(readiness?.read(reply(Buffer.from('ff', 'hex')))?.problem).toContain('GetModelStatus');
  });
});

describe('the inputs of a model', () => {
  const METADATA = {
    model_spec: { name: 'm', signature_name: '', version: '1' },
    metadata: {
      signature_def: {
        signature_def: {
          s: {
            inputs: {
              ids: {
                dtype: 'DT_INT64',
                tensor_shape: {
                  dim: [
                    { size: '-1', name: '' },
                    { size: '128', name: '' },
                  ],
                  unknown_rank: false,
                },
                name: 'ids:0',
              },
              text: { dtype: 'DT_STRING', tensor_shape: { dim: [], unknown_rank: true }, name: 'text:0' },
            },
          },
          odd: { inputs: { c: { dtype: 'DT_COMPLEX64', tensor_shape: { dim: [] } } } },
        },
      },
    },
  };

  it('are read from the metadata over REST', async () => {
    const { metadata } = await restQuestions({ model: 'm', signature: 's' });
    expect(metadata?.request.path).toBe('/v1/models/m/metadata');
    expect(metadata?.read(reply(JSON.stringify(METADATA)))).toEqual({
      value: [
        { name: 'ids', datatype: 'INT64', shape: [-1, 128] },
        { name: 'text', datatype: 'BYTES', shape: [-1] },
      ],
    });
  });

  it.each([
    ['nope', 'The model has no signature "nope", but s, odd'],
    ['odd', 'Input "c" has the datatype DT_COMPLEX64, which cannot be made'],
  ])('of the signature %s cannot be had', async (signature, problem) => {
    const { metadata } = await restQuestions({ model: 'm', signature });
    expect(metadata?.read(reply(JSON.stringify(METADATA)))).toEqual({ problem });
  });

  it.each(['[]', '{}', '{"metadata":3}', 'nonsense'])('are not in %s', async (body) => {
    expect((await restQuestions({ model: 'm' })).metadata?.read(reply(body))?.problem).toBeTruthy();
  });

  it('are read from the packed SignatureDefMap over gRPC', async () => {
    const { metadata } = await grpcQuestions({ signature: 's' });
    expect(metadata?.request.path).toBe('/tensorflow.serving.PredictionService/GetModelMetadata');
    // The published vector.
    expect(metadata?.request.body?.toString('hex')).toBe('0a070a056d6e697374120d7369676e61747572655f646566');
    // TensorInfo {name=1 "x", dtype=2 DT_FLOAT, tensor_shape=3 [-1,784] (the published vector)}, wrapped up by hand.
    const wrap = (field: number, hex: string) => {
      const length = hex.length / 2;
      return `${(field * 8 + 2).toString(16).padStart(2, '0')}${length.toString(16).padStart(2, '0')}${hex}`;
    };
    const entry = (key: string, value: string) => wrap(1, Buffer.from(key).toString('hex')) + wrap(2, value);
    const info = `${wrap(1, '78')}1001${wrap(3, '120b08ffffffffffffffffff011203089006')}`;
    const map = wrap(1, entry('s', wrap(1, entry('images', info))));
    const any = wrap(1, Buffer.from('x').toString('hex')) + wrap(2, map);
    const body = Buffer.from(wrap(2, entry('signature_def', any)), 'hex');
    expect(metadata?.read(reply(body))).toEqual({ value: [{ name: 'images', datatype: 'FP32', shape: [-1, 784] }] });
    expect(metadata?.read(reply(Buffer.alloc(0)))?.problem).toContain('no signature_def');
  });

  it('are those of the digits as long as nothing else is asked for', () => {
    expect(fitsDigits(DEFAULTS)).toBe(true);
    expect(fitsDigits({ ...DEFAULTS, call: 'regress', signature: 'regress_digit' })).toBe(true);
    expect(fitsDigits({ ...DEFAULTS, model: 'resnet' })).toBe(false);
    expect(fitsDigits({ ...DEFAULTS, signature: 'other' })).toBe(false);
    expect(fitsDigits({ ...DEFAULTS, input: 'other' })).toBe(false);
  });
});

describe('flags together', () => {
  it('cannot name a version twice', () => {
    expect(tfProblems({ ...DEFAULTS, 'model-version': '1', 'version-label': 'x' })).toEqual([
      '--model-version and --version-label exclude each other',
    ]);
  });

  it('need two signatures for multi-inference', () => {
    expect(tfProblems({ ...DEFAULTS, call: 'multi-inference', signature: 'one' })[0]).toContain('two signatures');
    expect(tfProblems({ ...DEFAULTS, call: 'multi-inference' })).toEqual([]);
  });

  it('have a columnar form for predict only', () => {
    expect(tfServingRest.problems?.({ ...DEFAULTS, call: 'regress', format: 'columnar' })[0]).toContain(
      '--call predict',
    );
  });
});
