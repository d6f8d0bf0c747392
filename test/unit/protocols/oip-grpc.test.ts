import { describe, expect, it } from 'vitest';
import type { Item } from '../../../src/datasets/dataset.js';
import { oipGrpc } from '../../../src/protocols/oip-grpc.js';

const IRIS = { model: 'iris', 'model-version': undefined, input: 'input-0' };
const raw = await oipGrpc.create({ ...IRIS, encoding: 'raw' }, '');
const typed = await oipGrpc.create({ ...IRIS, encoding: 'typed' }, '');

const tensor = (values: readonly number[], shape = [values.length]): Item => ({
  kind: 'tensor',
  shape,
  values: Float32Array.from(values),
});
const FLOWER = [tensor([1, 2, 3, 4])];
const TAIL = '0000803f000000400000404000008040';
/** The vector of a BYTES tensor: "I love you!", "é". */
const TEXTS = '0b00000049206c6f766520796f752102000000c3a9';

describe('a request', () => {
  it('equals the typed vector', () => {
    const { path, body } = typed.encode(FLOWER);
    expect(path).toBe('/inference.GRPCInferenceService/ModelInfer');
    expect(body?.toString('hex')).toBe(
      '0a04697269732a270a07696e7075742d301204465033321a0201042a1232100000803f000000400000404000008040',
    );
  });

  it('equals the raw vector', () => {
    expect(raw.encode(FLOWER).body?.toString('hex')).toBe(
      '0a04697269732a130a07696e7075742d301204465033321a0201043a100000803f000000400000404000008040',
    );
  });

  it('names a version in field 2', async () => {
    const versioned = await oipGrpc.create({ ...IRIS, 'model-version': '3', encoding: 'raw' }, '');
    expect(versioned.encode(FLOWER).body?.toString('hex').startsWith('0a0469726973120133')).toBe(true);
  });

  it('has [batch, items] as its shape and every item once', () => {
    const hex = raw.encode([tensor([1, 2]), tensor([3, 4])]).body?.toString('hex') as string;
    expect(hex).toContain('1a020202');
    expect(hex.endsWith(TAIL)).toBe(true);
  });
});

describe('an answer to one item', () => {
  const decode = (hex: string, batch = 1) =>
    raw.decode({ status: 0, headers: {}, body: Buffer.from(hex, 'hex') }, { batch });
  // The requests' vectors are answers too: model_name and inputs have the numbers of model_name and outputs.
  const head = '0a0469726973';
  const typedOutput = '2a270a07696e7075742d301204465033321a0201042a1232100000803f000000400000404000008040';
  const bareOutput = '2a130a07696e7075742d301204465033321a020104';
  // Field 6 where a request has its raw contents in field 7.
  const rawContents = `3210${TAIL}`;
  const text = '2a1f0a0474657874120542595445531a01012a0d420b49206c6f766520796f7521';
  const halfOutput = bareOutput.replace('46503332', '46503136');

  it.each([
    ['typed', head + typedOutput],
    ['raw', head + bareOutput + rawContents],
    ['a typed text', text],
    ['a raw text', `2a100a0474657874120542595445531a0101${'320f'}${TEXTS.slice(0, 30)}`],
    ['raw halves', `${halfOutput}3208${'00'.repeat(8)}`],
  ])('may be %s', (_case, hex) => {
    expect(decode(hex)).toEqual({ outcome: 'ok' });
  });

  it.each([
    ['another batch than was asked for', head + typedOutput, 2, 'schema_mismatch', 'wanted the shape [2, …]'],
    ['no outputs', head, 1, 'schema_mismatch', 'Got no outputs'],
    ['no values', head + bareOutput, 1, 'schema_mismatch', 'wanted 4 values in fp32_contents, got 0'],
    ['too few bytes', `${head}${bareOutput}320400000000`, 1, 'schema_mismatch', 'wanted 16 bytes for 4 values, got 4'],
    ['more raw contents than outputs', head + bareOutput + rawContents + rawContents, 1, 'schema_mismatch', '2 raw'],
    ['typed halves', halfOutput, 1, 'schema_mismatch', 'FP16 has no typed contents'],
    ['cut bytes', head + typedOutput.slice(0, 40), 1, 'decode_error', 'Not a ModelInferResponse'],
  ] as const)('with %s is %s', (_case, hex, batch, outcome, detail) => {
    expect(decode(hex, batch)).toEqual({ outcome, detail: expect.stringContaining(detail) });
  });
});
