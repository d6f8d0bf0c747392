import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExpectation } from '../../../src/protocols/json-path.js';
import {
  loadDescriptors,
  loadProtoFile,
  type MessageType,
  type ProtoRoot,
} from '../../../src/protocols/proto-files.js';
import { encodeJson, jsonOf, stepsInto } from '../../../src/protocols/proto-json.js';
import { fileDescriptors } from '../../../src/server/descriptors.js';

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));

const zoo = await loadProtoFile({
  file: path('test/fixtures/protos/zoo/keeper.proto'),
  roots: [path('test/fixtures/protos')],
});
const serving = await loadProtoFile({
  file: path('protos/tensorflow_serving/prediction_service.proto'),
  roots: [path('protos')],
});
/** The same definitions as they come by reflection, where maps are lists of entries. */
const reflected = await loadDescriptors(
  fileDescriptors(['tensorflow_serving/prediction_service.proto']).map(({ bytes }) => bytes),
);

const typeOf = (root: ProtoRoot, name: string): MessageType => root.lookupType(name);
const encode = (type: MessageType, json: unknown) => encodeJson(type, json).toString('hex');
const decode = (type: MessageType, hex: string) => jsonOf(type, type.decode(Buffer.from(hex, 'hex')));

const Animal = typeOf(zoo, 'zoo.Animal');
const Meal = typeOf(zoo, 'zoo.Meal');

/** Vectors of the wire formats, and of the encoding by hand: key = number × 8 + wire type, then the value. */
const VECTORS: readonly (readonly [MessageType, hex: string, json: object])[] = [
  [
    typeOf(serving, 'tensorflow.serving.PredictRequest'),
    '0a0f0a0d68616c665f706c75735f74776f121b0a0178121608011204120208032a0c0000803f000000400000a040',
    {
      model_spec: { name: 'half_plus_two' },
      inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 3 }] }, float_val: [1, 2, 5] } },
    },
  ],
  [
    typeOf(serving, 'tensorflow.serving.PredictRequest'),
    '0a070a016d1202080312180a047465787412100807120412020802420268694202796f1a0673636f726573',
    {
      modelSpec: { name: 'm', version: '3' },
      inputs: { text: { dtype: 7, tensorShape: { dim: [{ size: '2' }] }, stringVal: ['aGk=', 'eW8='] } },
      outputFilter: ['scores'],
    },
  ],
  [
    typeOf(serving, 'tensorflow.TensorProto'),
    '0809120412020802520cffffffffffffffffff01ac02',
    { dtype: 'DT_INT64', tensor_shape: { dim: [{ size: 2 }] }, int64_val: [-1, '300'] },
  ],
  [Animal, '0a0141', { name: 'A' }],
  [Animal, '1001', { kind: 'KIND_CAT' }],
  [Animal, '1a03010203', { weights_g: [1, 2, 3] }],
  [Animal, '220c0a016111000000000000f03f', { scores: { a: 1 } }],
  [Animal, '2a0608a08d061001', { bornAt: '1970-01-02T03:46:40.000000001Z' }],
  [Animal, '3202ff00', { photo: '/wA=' }],
  [Animal, '38ffffffffffffffff7f', { chip_id: '9223372036854775807' }],
  [Animal, '4000', { tame: false }],
  [Animal, '5007', { island: 7 }],
  [Animal, '5a030a0142', { mother: { name: 'B' } }],
  [Animal, '65cdcccc3d', { size_m: 0.1 }],
  [Meal, '120808011080cab5ee01', { lasts: '1.500s' }],
  [Meal, '121608ffffffffffffffffff011080b6ca91feffffffff01', { lasts: '-1.5s' }],
  [Meal, '1a0c0a0a0a016e12051a03796573', { notes: { n: 'yes' } }],
  [Meal, '1a110a0f0a016e120a32080a0208000a022001', { notes: { n: [null, true] } }],
  [
    Meal,
    '22180a12782f7a6f6f2e57617463685265717565737412020803',
    { extra: { '@type': 'x/zoo.WatchRequest', messages: 3 } },
  ],
  [Meal, '2a020807', { calories: 7 }],
  [Meal, '32060a01610a0162', { changed: 'a,b' }],
  [Meal, '4200', { nothing: {} }],
];

describe('JSON as a message', () => {
  it.each(VECTORS)('%s is %s', (type, hex, json) => {
    expect(encode(type, json)).toBe(hex);
  });

  it('gives the same bytes by definitions that came by reflection, maps and all', () => {
    const [type, hex, json] = VECTORS[1] as (typeof VECTORS)[number];
    const same = typeOf(reflected, type.fullName.slice(1));
    expect(encode(same, json)).toBe(hex);
    expect(decode(same, hex)).toEqual(decode(type, hex));
    expect(decode(same, hex)).toMatchObject({ inputs: { text: { dtype: 'DT_STRING', string_val: ['aGk=', 'eW8='] } } });
  });

  it.each([
    [
      Animal,
      { nmae: 'A' },
      '$: no field "nmae" in the message zoo.Animal, which has name, kind, weights_g, scores, born_at, photo, chip_id, tame, cage, island, mother, size_m (did you mean name?)',
    ],
    [Animal, { mother: { x: 1 } }, '$.mother: no field "x" in the message zoo.Animal'],
    [Animal, { constructor: 1 }, '$: no field "constructor"'],
    [Animal, { name: 5 }, '$.name: wanted a string, got 5'],
    [
      Animal,
      { kind: 'KIND_COT' },
      '$.kind: wanted one of KIND_UNKNOWN, KIND_CAT, KIND_OWL (did you mean KIND_CAT?), got "KIND_COT"',
    ],
    [Animal, { weights_g: 1 }, '$.weights_g: wanted a list, since the field is repeated, got 1'],
    [Animal, { weights_g: [1, 1.5] }, '$.weights_g[1]: wanted a int32, got 1.5'],
    [Animal, { weights_g: [2 ** 31] }, '$.weights_g[0]: wanted a int32, got 2147483648'],
    [Animal, { island: -1 }, '$.island: wanted a uint32, got -1'],
    [Animal, { chip_id: 2 ** 53 }, '$.chip_id: wanted a int64 in quotes, since JSON numbers above 2^53 lose digits'],
    [Animal, { chip_id: '9223372036854775808' }, '$.chip_id: wanted a int64'],
    [Animal, { scores: [1] }, '$.scores: wanted an object, since the field is a map, got [1]'],
    [Animal, { scores: { a: 'x' } }, '$.scores["a"]: wanted a double, got "x"'],
    [Animal, { photo: 'not base64!' }, '$.photo: wanted bytes in base64'],
    [Animal, { born_at: 'yesterday' }, '$.born_at: wanted a time such as'],
    [Animal, { cage: 'a', island: 1 }, '$: got cage and island, of which the message takes one'],
    [Animal, { weights_g: [], weightsG: [] }, '$: got weightsG and weightsG, of which the message takes one'],
    [Animal, [], '$: wanted an object of the message zoo.Animal, got []'],
    [Animal, 'x', '$: wanted an object of the message zoo.Animal, got "x"'],
    [Meal, { lasts: '1m' }, '$.lasts: wanted a duration in seconds such as 1.5s, got "1m"'],
    [
      Meal,
      { extra: { '@type': 'no.Such' } },
      '$.extra["@type"]: wanted the name of a message that the definitions have',
    ],
  ])('%s does not take %j', (type, json, problem) => {
    let message = 'was taken';
    try {
      encodeJson(type, json);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      message = (error as Error).message;
    }
    expect(message).toContain(problem);
  });

  it('that is nested without end is an error and no overflow of the stack', () => {
    const deep = JSON.parse(`${'{"mother":'.repeat(5_000)}{}${'}'.repeat(5_000)}`);
    expect(() => encodeJson(Animal, deep)).toThrow('nested deeper than 100 levels');
  });
});

describe('a message as JSON', () => {
  it('has the names of the file, short forms, and fields without presence also when they are not set', () => {
    expect(decode(Animal, '')).toEqual({
      name: '',
      kind: 'KIND_UNKNOWN',
      weights_g: [],
      scores: {},
      photo: '',
      chip_id: '0',
      size_m: 0,
    });
    expect(decode(Animal, '4000')).toMatchObject({ tame: false });
  });

  it.each([
    [Animal, { born_at: '1970-01-02T03:46:40.000000001Z' }],
    [Animal, { born_at: '2026-01-31T12:00:00.500Z' }],
    [Animal, { born_at: '1969-12-31T23:59:59Z' }],
    [Animal, { size_m: 0.1, scores: { 'a b': 0.1 }, island: 3 }],
    [Animal, { size_m: 'Infinity', scores: { n: 'NaN' } }],
    [Animal, { chip_id: '-9223372036854775808', kind: 7, photo: '/wA=' }],
    [Meal, { lasts: '-0.000000001s', calories: '0', changed: 'a,b' }],
    [Meal, { notes: { a: [1, 'x', null, { b: true }], c: {} } }],
    [Meal, { extra: { '@type': 'type.googleapis.com/zoo.WatchRequest', messages: 3, gap_ms: 0 } }],
    [Meal, { extra: { '@type': 'x/google.protobuf.Duration', value: '2s' } }],
    [Meal, { eaters: [{ name: 'A', tame: true }, { mother: { name: 'B' } }] }],
  ])('%s comes back from %j', (type, json) => {
    expect(jsonOf(type, type.decode(encodeJson(type, json)))).toMatchObject(json);
  });

  it('of numbers is the shortest that means them', () => {
    fc.assert(
      fc.property(fc.float({ noDefaultInfinity: true, noNaN: true }), (size) => {
        const { size_m } = jsonOf(Animal, Animal.decode(encodeJson(Animal, { size_m: size }))) as { size_m: number };
        expect(Math.fround(size_m)).toBe(size + 0);
        expect(String(size_m).length).toBeLessThanOrEqual(String(size).length);
      }),
    );
  });

  it('of any bytes is something, or the bytes are no message: never another error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        let message: object;
        try {
          message = Meal.decode(bytes);
        } catch {
          return;
        }
        try {
          expect(jsonOf(Meal, message)).toBeTypeOf('object');
        } catch (error) {
          expect((error as Error).message).not.toBe('');
        }
      }),
    );
  });
});

describe('a path through a message', () => {
  const steps = (type: MessageType, text: string) =>
    stepsInto(type, parseExpectation(text).steps).map((step) =>
      step.kind === 'member' ? step.name : step.kind === 'index' ? step.index : '*',
    );

  it.each([
    [Animal, '$.weightsG[0]', ['weights_g', 0]],
    [Animal, '$.scores["any key"]', ['scores', 'any key']],
    [Animal, '$.mother.bornAt', ['mother', 'born_at']],
    [Meal, '$.eaters[*].scores[*]', ['eaters', '*', 'scores', '*']],
    [Meal, '$.notes.any.thing[0]', ['notes', 'any', 'thing', 0]],
    [Meal, '$.*', ['*']],
  ])('%s %s goes through %j', (type, text, names) => {
    expect(steps(type, text)).toEqual(names);
  });

  it.each([
    [Animal, '$.nmae', 'the path: no field "nmae" in the message zoo.Animal'],
    [Animal, '$.mother.x', 'no field "x" in the message zoo.Animal'],
    [Animal, '$.weights_g.x', 'it goes to "x" where a list is'],
    [Animal, '$.scores[0]', 'it goes to [0] where a map is'],
    [Animal, '$.name.x', 'it goes to "x" where a single value is'],
    [Animal, '$[0]', 'it goes to [0] where the message zoo.Animal is'],
  ])('%s %s cannot be', (type, text, problem) => {
    expect(() => steps(type, text)).toThrow(problem);
  });
});
