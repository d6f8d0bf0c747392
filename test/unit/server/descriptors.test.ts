import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { describe, expect, it } from 'vitest';
import { fileDescriptors } from '../../../src/server/descriptors.js';
import { hasProgram } from '../../support/servers.js';

const files = fileDescriptors(['tensorflow_serving/prediction_service.proto']);
const { FileDescriptorProto } = descriptor;

interface Message {
  readonly name: string;
  readonly field: readonly { readonly name: string }[];
  readonly nestedType: readonly Message[];
}

function decoded(name: string) {
  const file = files.find((each) => each.name === name);
  const object = file && FileDescriptorProto.toObject(FileDescriptorProto.decode(file.bytes), { arrays: true });
  return object as unknown as {
    readonly package: string;
    readonly dependency: readonly string[];
    readonly syntax: string;
    readonly messageType: readonly Message[];
    readonly enumType: readonly { readonly name: string; readonly value: readonly object[] }[];
    readonly service: readonly { readonly name: string; readonly method: readonly object[] }[];
  };
}

const message = (file: string, name: string) => decoded(file).messageType.find((each) => each.name === name) as Message;

// What protoc writes for these lines of the files; the numbers are those of descriptor.proto.
describe('a descriptor', () => {
  it('names its package, its imports and its language', () => {
    const { package: name, dependency, syntax } = decoded('tensorflow_serving/predict.proto');
    expect([name, dependency, syntax]).toEqual([
      'tensorflow.serving',
      ['tensorflow/tensor.proto', 'tensorflow_serving/model.proto'],
      'proto3',
    ]);
  });

  it('is there for all that is imported, also what Google ships', () => {
    const names = files.map(({ name }) => name);
    expect(names).toContain('google/protobuf/any.proto');
    expect(names).toContain('google/protobuf/wrappers.proto');
    for (const { imports } of files) {
      expect(names).toEqual(expect.arrayContaining([...imports]));
    }
    expect(decoded('google/protobuf/any.proto').messageType.map(({ name }) => name)).toEqual(['Any']);
  });

  it('has maps as repeated entries, with types by their full names', () => {
    const request = message('tensorflow_serving/predict.proto', 'PredictRequest');
    expect(request.field.find(({ name }) => name === 'inputs')).toEqual({
      name: 'inputs',
      number: 2,
      label: 3,
      type: 11,
      typeName: '.tensorflow.serving.PredictRequest.InputsEntry',
      jsonName: 'inputs',
    });
    expect(request.nestedType.find(({ name }) => name === 'InputsEntry')).toMatchObject({
      field: [
        { name: 'key', number: 1, label: 1, type: 9 },
        { name: 'value', number: 2, label: 1, type: 11, typeName: '.tensorflow.TensorProto' },
      ],
      options: { mapEntry: true },
    });
  });

  it('has optional fields in a oneof of their own', () => {
    const request = message('tensorflow_serving/predict.proto', 'PredictRequest');
    expect(request.field.find(({ name }) => name === 'client_id')).toMatchObject({
      number: 6,
      label: 1,
      type: 12,
      jsonName: 'clientId',
      proto3Optional: true,
    });
    expect(request).toMatchObject({
      oneofDecl: [{ name: '_client_id' }, { name: '_request_options' }],
      reservedRange: [{ start: 4, end: 5 }],
    });
  });

  it('has oneofs, enums and methods', () => {
    expect(message('tensorflow_serving/model.proto', 'ModelSpec')).toMatchObject({
      oneofDecl: [{ name: 'version_choice' }],
    });
    expect(decoded('tensorflow/types.proto').enumType[0]).toMatchObject({
      name: 'DataType',
      value: expect.arrayContaining([{ name: 'DT_FLOAT', number: 1 }]),
    });
    expect(decoded('tensorflow_serving/prediction_service.proto').service[0]).toMatchObject({
      name: 'PredictionService',
      method: expect.arrayContaining([
        {
          name: 'Predict',
          inputType: '.tensorflow.serving.PredictRequest',
          outputType: '.tensorflow.serving.PredictResponse',
        },
      ]),
    });
  });

  it('knows the full names of what it defines', () => {
    const symbols = files.flatMap((file) => file.symbols);
    expect(symbols).toEqual(
      expect.arrayContaining([
        'tensorflow.serving.PredictionService',
        'tensorflow.serving.PredictionService.Predict',
        'tensorflow.serving.PredictRequest',
        'tensorflow.TensorShapeProto.Dim',
        'tensorflow.DataType',
      ]),
    );
    expect(new Set(symbols).size).toBe(symbols.length);
  });
});

const PROTOS = fileURLToPath(new URL('../../../protos', import.meta.url));
const SERVED = [
  'tensorflow_serving/prediction_service.proto',
  'tensorflow_serving/model_service.proto',
  'inference/inference.proto',
  'grpc/health/v1/health.proto',
  'grpc/reflection/v1/reflection.proto',
  'grpc/reflection/v1alpha/reflection.proto',
];

/** Google's files that ours import: not every installation of protoc has them. */
const GOOGLE: Readonly<Record<string, string>> = {
  'any.proto': 'message Any { string type_url = 1; bytes value = 2; }',
  'wrappers.proto': ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes']
    .map((name) => `message ${name}Value { ${name.toLowerCase()} value = 1; }`)
    .join('\n'),
};

/** Everything but the options of whole files; the order of nested messages says nothing. */
function comparable(bytes: Uint8Array): object {
  const { options: _options, ...file } = FileDescriptorProto.toObject(FileDescriptorProto.decode(bytes)) as {
    readonly options?: object;
    readonly messageType?: readonly Message[];
  };
  const sorted = (type: Message): object => ({
    ...type,
    nestedType: [...(type.nestedType ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1)).map(sorted),
  });
  return { ...file, messageType: (file.messageType ?? []).map(sorted) };
}

describe.skipIf(!hasProgram('protoc'))('the descriptors of all that is served', () => {
  it('are those that protoc makes', () => {
    const directory = mkdtempSync(join(tmpdir(), 'protoc-'));
    mkdirSync(join(directory, 'google', 'protobuf'), { recursive: true });
    for (const [name, text] of Object.entries(GOOGLE)) {
      const source = `syntax = "proto3"; package google.protobuf;\n${text}\n`;
      writeFileSync(join(directory, 'google', 'protobuf', name), source);
    }
    const set = join(directory, 'set');
    const roots = ['-I', PROTOS, '-I', directory];
    const { status, stderr } = spawnSync('protoc', [...roots, '--include_imports', '-o', set, ...SERVED], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    const wanted = descriptor.FileDescriptorSet.decode(readFileSync(set)) as unknown as {
      readonly file: readonly object[];
    };
    const theirs = wanted.file.map((file) => comparable(FileDescriptorProto.encode(file).finish()));
    const ours = fileDescriptors(SERVED).map(({ bytes }) => comparable(bytes));
    const byName = (files: readonly object[]) => new Map(files.map((file) => [(file as { name: string }).name, file]));
    expect(ours.length).toBeGreaterThan(10);
    expect(byName(ours)).toEqual(byName(theirs));
  });
});
