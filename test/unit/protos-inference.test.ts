import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition, type MethodDefinition } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';

const definitions = loadSync('inference/inference.proto', {
  keepCase: true,
  longs: String,
  bytes: Buffer,
  includeDirs: [fileURLToPath(new URL('../../protos', import.meta.url))],
});
const message = (name: string) => definitions[`inference.${name}`] as MessageTypeDefinition<object, object>;

interface Described {
  readonly name: string;
  readonly field: readonly { readonly name: string; readonly number: number }[];
  readonly nestedType: readonly Described[];
}

const IRIS = { name: 'input-0', datatype: 'FP32', shape: ['1', '4'] };
const IRIS_BYTES = Buffer.from('0000803f000000400000404000008040', 'hex');

/** The published byte vectors: each must decode to exactly this and encode to exactly these bytes. */
const VECTORS: readonly (readonly [title: string, hex: string, value: object])[] = [
  [
    'iris, typed',
    '0a04697269732a270a07696e7075742d301204465033321a0201042a1232100000803f000000400000404000008040',
    { model_name: 'iris', inputs: [{ ...IRIS, contents: { fp32_contents: [1, 2, 3, 4] } }] },
  ],
  [
    'iris, raw',
    '0a04697269732a130a07696e7075742d301204465033321a0201043a100000803f000000400000404000008040',
    { model_name: 'iris', inputs: [IRIS], raw_input_contents: [IRIS_BYTES] },
  ],
  [
    'a text, typed',
    '0a0973656e74696d656e742a1f0a0474657874120542595445531a01012a0d420b49206c6f766520796f7521',
    {
      model_name: 'sentiment',
      inputs: [
        {
          name: 'text',
          datatype: 'BYTES',
          shape: ['1'],
          contents: { bytes_contents: [Buffer.from('I love you!')] },
        },
      ],
    },
  ],
];

describe('the inference messages', () => {
  it.each(VECTORS)('read and write %s', (_title, hex, value) => {
    const { serialize, deserialize } = message('ModelInferRequest');
    expect(deserialize(Buffer.from(hex, 'hex'))).toEqual(value);
    expect(Buffer.from(serialize(value)).toString('hex')).toBe(hex);
  });

  it('have every method on its path, none of them streamed', () => {
    const service = definitions['inference.GRPCInferenceService'] as Record<string, MethodDefinition<object, object>>;
    const methods = [
      ...['ModelInfer', 'ModelMetadata', 'ModelReady', 'ModelStatistics'],
      ...['ServerLive', 'ServerMetadata', 'ServerReady'],
    ];
    expect(
      Object.values(service)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(methods.map((name) => `/inference.GRPCInferenceService/${name}`));
    expect(Object.values(service).every((method) => !method.requestStream && !method.responseStream)).toBe(true);
  });

  it('skip what only some servers put into the metadata', () => {
    // name "m", field 6 with a map entry, an input "i" of shape [1] with a field 4.
    const hex = `0a016d${'32060a016112017a'}${'220a0a01691a010122020a00'}`;
    expect(message('ModelMetadataResponse').deserialize(Buffer.from(hex, 'hex'))).toMatchObject({
      name: 'm',
      inputs: [{ name: 'i', shape: ['1'] }],
    });
  });

  /** `message: field number …` of the wire facts. */
  it.each([
    ['ServerLiveResponse', 'live=1'],
    ['ServerReadyResponse', 'ready=1'],
    ['ModelReadyRequest', 'name=1 version=2'],
    ['ModelReadyResponse', 'ready=1'],
    ['ServerMetadataResponse', 'extensions=3 name=1 version=2'],
    ['ModelMetadataRequest', 'name=1 version=2'],
    ['ModelMetadataResponse', 'inputs=4 name=1 outputs=5 platform=3 versions=2'],
    ['ModelMetadataResponse.TensorMetadata', 'datatype=2 name=1 shape=3'],
    ['ModelInferRequest', 'id=3 inputs=5 model_name=1 model_version=2 outputs=6 parameters=4 raw_input_contents=7'],
    ['ModelInferRequest.InferInputTensor', 'contents=5 datatype=2 name=1 parameters=4 shape=3'],
    ['ModelInferRequest.InferRequestedOutputTensor', 'name=1 parameters=2'],
    ['ModelInferResponse', 'id=3 model_name=1 model_version=2 outputs=5 parameters=4 raw_output_contents=6'],
    ['ModelInferResponse.InferOutputTensor', 'contents=5 datatype=2 name=1 parameters=4 shape=3'],
    ['InferParameter', 'bool_param=1 double_param=4 int64_param=2 string_param=3 uint64_param=5'],
    [
      'InferTensorContents',
      'bool_contents=1 bytes_contents=8 fp32_contents=6 fp64_contents=7 int64_contents=3 int_contents=2 ' +
        'uint64_contents=5 uint_contents=4',
    ],
    ['ModelStatisticsRequest', 'name=1 version=2'],
    ['ModelStatisticsResponse', 'model_stats=1'],
    [
      'ModelStatistics',
      'batch_stats=7 execution_count=5 inference_count=4 inference_stats=6 last_inference=3 memory_usage=8 name=1 ' +
        'response_stats=9 version=2',
    ],
    ['StatisticDuration', 'count=1 ns=2'],
    [
      'InferStatistics',
      'cache_hit=7 cache_miss=8 compute_infer=5 compute_input=4 compute_output=6 fail=2 queue=3 success=1',
    ],
    ['InferBatchStatistics', 'batch_size=1 compute_infer=3 compute_input=2 compute_output=4'],
    ['InferResponseStatistics', 'cancel=6 compute_infer=1 compute_output=2 empty_response=5 fail=4 success=3'],
    ['MemoryUsage', 'byte_size=3 id=2 type=1'],
  ])('number the fields of %s', (type, fields) => {
    const [outer, inner] = type.split('.') as [string, string | undefined];
    const parent = message(outer).type as Described;
    const { field } = parent.nestedType.find(({ name }) => name === inner) ?? parent;
    expect(field.map(({ name, number }) => `${name}=${number}`).sort()).toEqual(fields.split(' ').sort());
  });
});
