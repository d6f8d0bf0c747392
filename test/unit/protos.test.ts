import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition, type MethodDefinition, type Options } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';

const PROTOS = fileURLToPath(new URL('../../protos', import.meta.url));
const OPTIONS: Options = { keepCase: true, longs: String, enums: String, bytes: Buffer, includeDirs: [PROTOS] };
const definitions = loadSync(
  ['tensorflow_serving/prediction_service.proto', 'tensorflow_serving/model_service.proto'],
  OPTIONS,
);

function message(name: string): MessageTypeDefinition<object, object> {
  return definitions[`tensorflow.${name}`] as MessageTypeDefinition<object, object>;
}

/** The published byte vectors: each must decode to exactly this and encode to exactly these bytes. */
const VECTORS: readonly (readonly [title: string, type: string, hex: string, value: object])[] = [
  [
    'a typed image request',
    'serving.PredictRequest',
    '0a170a056d6e6973741a0e707265646963745f696d6167657312240a06696d61676573121a0801120812020801120208032a0c000000000000003f0000803f',
    {
      model_spec: { name: 'mnist', signature_name: 'predict_images' },
      inputs: {
        images: {
          dtype: 'DT_FLOAT',
          tensor_shape: { dim: [{ size: '1' }, { size: '3' }] },
          float_val: [0, 0.5, 1],
        },
      },
    },
  ],
  [
    'the same image as raw content',
    'serving.PredictRequest',
    '0a170a056d6e6973741a0e707265646963745f696d6167657312240a06696d61676573121a080112081202080112020803220c000000000000003f0000803f',
    {
      model_spec: { name: 'mnist', signature_name: 'predict_images' },
      inputs: {
        images: {
          dtype: 'DT_FLOAT',
          tensor_shape: { dim: [{ size: '1' }, { size: '3' }] },
          tensor_content: Buffer.from('000000000000003f0000803f', 'hex'),
        },
      },
    },
  ],
  [
    'strings, a version and an output filter',
    'serving.PredictRequest',
    '0a070a016d1202080312180a047465787412100807120412020802420268694202796f1a0673636f726573',
    {
      model_spec: { name: 'm', version: { value: '3' } },
      inputs: {
        text: {
          dtype: 'DT_STRING',
          tensor_shape: { dim: [{ size: '2' }] },
          string_val: [Buffer.from('hi'), Buffer.from('yo')],
        },
      },
      output_filter: ['scores'],
    },
  ],
  [
    'a version label',
    'serving.PredictRequest',
    '0a0b0a016d2206737461626c65',
    { model_spec: { name: 'm', version_label: 'stable' } },
  ],
  [
    'half_plus_two with packed floats',
    'serving.PredictRequest',
    '0a0f0a0d68616c665f706c75735f74776f121b0a0178121608011204120208032a0c0000803f000000400000a040',
    {
      model_spec: { name: 'half_plus_two' },
      inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: '3' }] }, float_val: [1, 2, 5] } },
    },
  ],
  [
    'half_plus_two with raw content',
    'serving.PredictRequest',
    '0a0f0a0d68616c665f706c75735f74776f121b0a017812160801120412020803220c0000803f000000400000a040',
    {
      model_spec: { name: 'half_plus_two' },
      inputs: {
        x: {
          dtype: 'DT_FLOAT',
          tensor_shape: { dim: [{ size: '3' }] },
          tensor_content: Buffer.from('0000803f000000400000a040', 'hex'),
        },
      },
    },
  ],
  [
    'an answer with scores',
    'serving.PredictResponse',
    '0a200a0673636f72657312160801120812020801120208022a080000803e0000403f121b0a056d6e697374120208011a0e707265646963745f696d61676573',
    {
      outputs: {
        scores: {
          dtype: 'DT_FLOAT',
          tensor_shape: { dim: [{ size: '1' }, { size: '2' }] },
          float_val: [0.25, 0.75],
        },
      },
      model_spec: { name: 'mnist', version: { value: '1' }, signature_name: 'predict_images' },
    },
  ],
  ['a status request', 'serving.GetModelStatusRequest', '0a070a056d6e697374', { model_spec: { name: 'mnist' } }],
  [
    'a status with nothing in it',
    'serving.GetModelStatusResponse',
    '0a060801101e1a00',
    { model_version_status: [{ version: '1', state: 'AVAILABLE', status: {} }] },
  ],
  [
    'a metadata request',
    'serving.GetModelMetadataRequest',
    '0a070a056d6e697374120d7369676e61747572655f646566',
    { model_spec: { name: 'mnist' }, metadata_field: ['signature_def'] },
  ],
  [
    'one example to classify',
    'serving.ClassificationRequest',
    '0a030a016d12150a130a110a0f0a0d0a0178120812060a040000803f',
    {
      model_spec: { name: 'm' },
      input: { example_list: { examples: [{ features: { feature: { x: { float_list: { value: [1] } } } } }] } },
    },
  ],
  [
    'an unknown size',
    'TensorShapeProto',
    '120b08ffffffffffffffffff011203089006',
    { dim: [{ size: '-1' }, { size: '784' }] },
  ],
  [
    '64-bit integers, one negative',
    'TensorProto',
    '0809120412020802520cffffffffffffffffff01ac02',
    { dtype: 'DT_INT64', tensor_shape: { dim: [{ size: '2' }] }, int64_val: ['-1', '300'] },
  ],
  [
    'bytes as integers',
    'TensorProto',
    '08041204120208033a05008001ff01',
    { dtype: 'DT_UINT8', tensor_shape: { dim: [{ size: '3' }] }, int_val: [0, 128, 255] },
  ],
  [
    'a scalar: a shape without dimensions',
    'TensorProto',
    '080112002a0400000040',
    { dtype: 'DT_FLOAT', tensor_shape: {}, float_val: [2] },
  ],
];

describe('the TensorFlow Serving protos', () => {
  it.each(VECTORS)('read %s (%s)', (_title, type, hex, value) => {
    expect(message(type).deserialize(Buffer.from(hex, 'hex'))).toEqual(value);
  });

  it.each(VECTORS)('write %s (%s)', (_title, type, hex, value) => {
    expect(message(type).serialize(value).toString('hex')).toBe(hex);
  });

  it('have every method on its path, none of them streamed', () => {
    const paths = ['PredictionService', 'ModelService'].flatMap((service) =>
      Object.values(definitions[`tensorflow.serving.${service}`] as Record<string, MethodDefinition<object, object>>),
    );
    expect(paths.map(({ path }) => path).sort()).toEqual([
      '/tensorflow.serving.ModelService/GetModelStatus',
      '/tensorflow.serving.ModelService/HandleReloadConfigRequest',
      '/tensorflow.serving.PredictionService/Classify',
      '/tensorflow.serving.PredictionService/GetModelMetadata',
      '/tensorflow.serving.PredictionService/MultiInference',
      '/tensorflow.serving.PredictionService/Predict',
      '/tensorflow.serving.PredictionService/Regress',
    ]);
    expect(paths.every(({ requestStream, responseStream }) => !requestStream && !responseStream)).toBe(true);
  });

  it('pack a signature map into the metadata and back', () => {
    const map = message('serving.SignatureDefMap');
    const value = {
      signature_def: {
        predict_images: {
          inputs: {
            images: { name: 'images:0', dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: '-1' }, { size: '784' }] } },
          },
          method_name: 'tensorflow/serving/predict',
        },
      },
    };
    const response = message('serving.GetModelMetadataResponse');
    const bytes = response.serialize({
      metadata: {
        signature_def: {
          type_url: 'type.googleapis.com/tensorflow.serving.SignatureDefMap',
          value: map.serialize(value),
        },
      },
    });
    const read = response.deserialize(bytes) as { metadata: { signature_def: { value: Buffer } } };
    expect(map.deserialize(read.metadata.signature_def.value)).toEqual(value);
  });

  it('skip what a newer server adds to a request', () => {
    // Fields 5 to 7 with content, and a field 99 that nobody knows.
    const newer = `${'0a030a016d'}${'2a020801'}${'32017a'}${'3a030a0161'}${'9a0600'}`;
    expect(message('serving.PredictRequest').deserialize(Buffer.from(newer, 'hex'))).toMatchObject({
      model_spec: { name: 'm' },
      client_id: Buffer.from('z'),
    });
  });

  /** `message: field number …` of the wire facts, for what no vector covers. */
  it.each([
    ['serving.ModelSpec', 'name=1 signature_name=3 version=2 version_label=4'],
    [
      'serving.PredictRequest',
      'client_id=6 inputs=2 model_spec=1 output_filter=3 predict_streamed_options=5 request_options=7',
    ],
    ['serving.PredictResponse', 'model_spec=2 outputs=1'],
    ['serving.ClassificationResponse', 'model_spec=2 result=1'],
    ['serving.RegressionRequest', 'input=2 model_spec=1'],
    ['serving.RegressionResponse', 'model_spec=2 result=1'],
    ['serving.ClassificationResult', 'classifications=1'],
    ['serving.Classifications', 'classes=1'],
    ['serving.Class', 'label=1 score=2'],
    ['serving.RegressionResult', 'regressions=1'],
    ['serving.Regression', 'value=1'],
    ['serving.Input', 'example_list=1 example_list_with_context=2'],
    ['serving.ExampleListWithContext', 'context=2 examples=1'],
    ['serving.MultiInferenceRequest', 'input=2 tasks=1'],
    ['serving.InferenceTask', 'method_name=2 model_spec=1'],
    ['serving.MultiInferenceResponse', 'results=1'],
    ['serving.InferenceResult', 'classification_result=2 model_spec=1 regression_result=3'],
    ['serving.GetModelMetadataResponse', 'metadata=2 model_spec=1'],
    ['serving.ModelVersionStatus', 'state=2 status=3 version=1'],
    ['serving.StatusProto', 'error_code=1 error_message=2'],
    ['serving.ReloadConfigRequest', 'config=1 metric_names=2'],
    ['serving.ReloadConfigResponse', 'metric=2 status=1'],
    ['serving.Metric', 'int64_value_increase=2 name=1'],
    ['serving.ModelServerConfig', 'custom_model_config=2 model_config_list=1'],
    [
      'serving.ModelConfig',
      'base_path=2 logging_config=6 model_platform=4 model_type=3 model_version_policy=7 name=1 version_labels=8',
    ],
    ['serving.ServableVersionPolicy', 'all=101 latest=100 specific=102'],
    ['SignatureDef', 'defaults=4 inputs=1 method_name=3 outputs=2'],
    ['TensorInfo', 'composite_tensor=5 coo_sparse=4 dtype=2 name=1 tensor_shape=3'],
    ['Feature', 'bytes_list=1 float_list=2 int64_list=3'],
    [
      'TensorProto',
      'bool_val=11 dcomplex_val=12 double_val=6 dtype=1 float8_val=18 float_val=5 half_val=13 int64_val=10 int_val=7 ' +
        'resource_handle_val=14 scomplex_val=9 string_val=8 tensor_content=4 tensor_shape=2 uint32_val=16 ' +
        'uint64_val=17 variant_val=15 version_number=3',
    ],
  ])('number the fields of %s', (type, fields) => {
    const { field } = message(type).type as {
      readonly field: readonly { readonly name: string; readonly number: number }[];
    };
    expect(field.map(({ name, number }) => `${name}=${number}`).sort()).toEqual(fields.split(' ').sort());
  });

  it.each([
    [
      'DataType',
      { DT_FLOAT: 1, DT_STRING: 7, DT_INT64: 9, DT_HALF: 19, DT_UINT64: 23, DT_UINT2: 32, DT_FLOAT_REF: 101 },
    ],
    ['error.Code', { OK: 0, INVALID_ARGUMENT: 3, NOT_FOUND: 5, FAILED_PRECONDITION: 9, UNAUTHENTICATED: 16 }],
  ])('number the values of %s', (type, wanted) => {
    const { value } = message(type).type as {
      readonly value: readonly { readonly name: string; readonly number: number }[];
    };
    expect(Object.fromEntries(value.map(({ name, number }) => [name, number]))).toMatchObject(wanted);
  });

  it('reach every file', () => {
    const files = readdirSync(PROTOS, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /tensorflow.*\.proto$/.test(name),
    );
    const imported = files.flatMap((file) =>
      [...readFileSync(`${PROTOS}/${file}`, 'utf8').matchAll(/^import "([^"]+)"/gm)].map(([, name]) => name),
    );
    const services = ['tensorflow_serving/model_service.proto', 'tensorflow_serving/prediction_service.proto'];
    expect(files.filter((file) => !imported.includes(file)).sort()).toEqual(services);
  });
});
