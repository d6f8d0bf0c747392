import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Item } from '../../src/datasets/dataset.js';
import type { Protocol, ProtocolKind } from '../../src/protocols/protocol.js';

const ITEMS: Readonly<Record<ProtocolKind['input'], (index: number) => Item>> = {
  text: (index) => ({ kind: 'text', text: `text ${index} #&+?` }),
  tensor: (index) => ({ kind: 'tensor', shape: [2, 2], values: Float32Array.of(index, 0.5, 1, 0) }),
  row: (index) => ({ kind: 'row', columns: { number: index, text: `text ${index}` } }),
  bytes: (index) => ({ kind: 'bytes', bytes: Uint8Array.of(index, 255, 0) }),
};

/** Whether a JSON text can be no protocol's answer: a flat object of numbers could be one. */
function isNoAnswer(text: string): boolean {
  const value: unknown = JSON.parse(text);
  return typeof value !== 'object' || value === null || Object.values(value).some((inner) => typeof inner !== 'number');
}

/** Where answers have what a decoder walks through. */
const DEEP_MEMBERS = ['predictions', 'outputs', 'error', 'joy'];

/** What every wire contract has to be: a pure codec that never throws for what a server may send. */
export function protocolContract(kind: ProtocolKind, create: () => Promise<Protocol>): void {
  const batchOf = (size: number) => Array.from({ length: size }, (_, index) => ITEMS[kind.input](index));
  const sizes = [1, 4].filter((size) => size <= kind.maxBatch);

  it('says what it is', async () => {
    const { via, endpoints } = await create();
    expect(via).toBe(kind.via);
    expect(endpoints.length).toBeGreaterThan(0);
  });

  it.each(sizes)('encodes %d items alike each time, and leaves them as they are', async (size) => {
    const protocol = await create();
    const items = batchOf(size);
    const before = structuredClone(items);
    const request = protocol.encode(items);
    expect(protocol.encode(items)).toEqual(request);
    expect(items).toEqual(before);
    expect(request.batch).toBe(size);
    expect(request.path).toMatch(/^\/[\x21-\x7e]*$/);
    expect(Object.keys(request.headers).every((name) => name === name.toLowerCase())).toBe(true);
  });

  it('refuses items that it cannot carry', async () => {
    const protocol = await create();
    // Where tensors go, a text may be one of a single element, but not beside others; anything can be a row.
    const mixed = kind.input === 'row' ? [] : [ITEMS.text(0), ITEMS.tensor(0)];
    expect(() => protocol.encode(mixed)).toThrow(RangeError);
    expect(() => protocol.encode([])).toThrow(RangeError);
  });

  it('finds a reason against every answer that is garbage, and throws for none', async () => {
    const protocol = await create();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoded = protocol.decode({ status: 200, headers: {}, body: Buffer.from(bytes) }, { batch: 1 });
        expect(decoded.outcome).not.toBe('ok');
        expect(decoded.detail).toBeTruthy();
      }),
    );
  });

  it('finds a reason against every JSON that is no answer', async () => {
    const protocol = await create();
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }).filter(isNoAnswer), (text) => {
        const decoded = protocol.decode({ status: 200, headers: {}, body: Buffer.from(text) }, { batch: 7 });
        expect(decoded.outcome).not.toBe('ok');
        expect(decoded.detail).toBeTruthy();
      }),
    );
  });

  it('finds a reason against answers that are nested as deep as no stack goes', async () => {
    const protocol = await create();
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    for (const text of [deep, ...DEEP_MEMBERS.map((name) => `{"${name}":${deep}}`), `{"outputs":[{"name":${deep}}]}`]) {
      const decoded = protocol.decode({ status: 200, headers: {}, body: Buffer.from(text) }, { batch: 7 });
      expect(decoded.outcome).not.toBe('ok');
      expect(decoded.detail).toBeTruthy();
    }
  });
}
