import { createServer, type Http2Server, type Http2Session } from 'node:http2';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createAnswerHeadReader } from '../../../src/transports/grpc-headers.js';
import { createHpackDecoder, type HpackDecoder, indexedField, literalField } from '../../../src/transports/hpack.js';

type Field = readonly [name: string, value: string];

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

function fieldsOf(decoder: HpackDecoder, block: Buffer): Field[] {
  const fields: Field[] = [];
  // Not at the start of its buffer, as on the wire.
  const bytes = Buffer.concat([Buffer.alloc(9, 0xff), block, Buffer.alloc(3, 0xff)]);
  decoder.decode(bytes, 9, 9 + block.length, (name, value) => fields.push([name, value]));
  return fields;
}

const GET: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'www.example.com'],
];
const SECURE_GET: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/index.html'],
  [':authority', 'www.example.com'],
  ['custom-key', 'custom-value'],
];
const answer = (status: string, date: string): readonly Field[] => [
  [':status', status],
  ['cache-control', 'private'],
  ['date', `Mon, 21 Oct 2013 20:13:${date} GMT`],
  ['location', 'https://www.example.com'],
];
const LAST_ANSWER: readonly Field[] = [
  ...answer('200', '22'),
  ['content-encoding', 'gzip'],
  ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
];
const REQUESTS = [GET, [...GET, ['cache-control', 'no-cache']], SECURE_GET] as const;
const ANSWERS = [answer('302', '21'), answer('307', '21'), LAST_ANSWER] as const;

describe('the decoder, on the examples of RFC 7541 appendix C', () => {
  it.each<[string, string, Field]>([
    ['C.2.1', '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', ['custom-key', 'custom-header']],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', [':path', '/sample/path']],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', ['password', 'secret']],
    ['C.2.4', '82', [':method', 'GET']],
  ])('%s', (_section, block, field) => {
    expect(fieldsOf(createHpackDecoder(), hex(block))).toEqual([field]);
  });

  it.each<[string, number, readonly string[], readonly (readonly Field[])[]]>([
    [
      'C.3 requests without Huffman codes',
      4096,
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
      REQUESTS,
    ],
    [
      'C.4 requests with Huffman codes',
      4096,
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
      REQUESTS,
    ],
    [
      'C.5 answers without Huffman codes, in a table of 256 bytes',
      256,
      [
        `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
         2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
         6c65 2e63 6f6d`,
        '4803 3330 37c1 c0bf',
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
         54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
         5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
         3d31`,
      ],
      ANSWERS,
    ],
    [
      'C.6 answers with Huffman codes, in a table of 256 bytes',
      256,
      [
        `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
         2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
        '4883 640e ffc1 c0bf',
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
         77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
         9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
      ],
      ANSWERS,
    ],
  ])('%s', (_section, tableBytes, blocks, expected) => {
    const decoder = createHpackDecoder(tableBytes);
    expect(blocks.map((block) => fieldsOf(decoder, hex(block)))).toEqual(expected);
  });
});

describe('the decoder refuses', () => {
  it.each([
    ['index 0', '80'],
    ['an index beyond the tables', 'be'],
    ['the name of an index beyond the tables', '7f00 0161'],
    ['a number that does not end', 'ff'],
    ['a number that is too large', 'ffff ffff ffff 7f'],
    ['a string that is cut', '0003 6162'],
    ['a field without a value', '0001 61'],
    ['a table size above the limit', '3fe2 1f'],
    ['a table size after a field', '8220'],
    ['Huffman padding of zeros', '0001 6181 00'],
    ['Huffman padding of eight bits', '0001 6182 1fff'],
    ['the Huffman code of the end mark', '0001 6184 ffff ffff'],
  ])('%s', (_what, block) => {
    expect(() => fieldsOf(createHpackDecoder(), hex(block))).toThrow(RangeError);
  });

  it('bytes at random, or reads them, but nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (blocks) => {
        const decoder = createHpackDecoder();
        try {
          for (const block of blocks) {
            fieldsOf(decoder, Buffer.from(block));
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what we write', () => {
  it('is read again as it was, and enters no table', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,200}$/);
    const value = fc.stringMatching(/^[ -~]{0,300}$/);
    fc.assert(
      fc.property(name, value, fc.boolean(), (own, text, secret) => {
        const decoder = createHpackDecoder();
        const block = Buffer.concat([indexedField(':method', 'POST'), literalField(own, text, secret)]);
        const fields: Field[] = [];
        expect(decoder.decode(block, 0, block.length, (...field) => fields.push(field))).toBe(true);
        expect(fields).toEqual([
          [':method', 'POST'],
          [own, text],
        ]);
      }),
    );
  });
});

/** Two ends of a connection in memory. */
function pipe(): readonly [Duplex, Duplex] {
  const end = (other: () => Duplex) =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk);
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  const left: Duplex = end(() => right);
  const right: Duplex = end(() => left);
  return [left, right];
}

const frame = (type: number, flags: number, id: number, payload: Buffer) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
};

describe('against the encoder of node:http2', () => {
  let server: Http2Server | undefined;
  let session: Http2Session | undefined;
  afterEach(() => {
    session?.destroy();
    server?.close();
  });

  it('reads what it sends: large and repeated fields, tables that shrink and grow', async () => {
    const value = fc.oneof(
      { weight: 4, arbitrary: fc.stringMatching(/^[!-~]([ -~]{0,40}[!-~])?$/) },
      { weight: 1, arbitrary: fc.stringMatching(/^[\x80-\xff]{1,60}$/) },
      { weight: 1, arbitrary: fc.stringMatching(/^[!-~]{1000,3000}$/) },
      { weight: 4, arbitrary: fc.constantFrom('application/grpc', '0', 'identity', 'gzip, deflate') },
    );
    const name = fc.oneof(
      fc.constantFrom('content-type', 'grpc-status', 'x-a', 'x-b', 'server', 'grpc-message', 'vary'),
      fc.stringMatching(/^x-[a-z0-9]{1,12}$/),
    );
    const answers = fc.sample(fc.dictionary(name, value, { maxKeys: 8 }), { numRuns: 300, seed: 7541 });

    const [near, far] = pipe();
    server = createServer();
    server.on('stream', (stream) => {
      session = stream.session;
      stream.respond({ ':status': 200, ...answers[(stream.id as number) >> 1] }, {
        endStream: true,
        sendDate: false,
      } as never);
    });
    server.emit('connection', far);

    const decoder = createHpackDecoder();
    const seen = new Map<number, Field[]>();
    let pending = Buffer.alloc(0);
    let block = Buffer.alloc(0);
    let answered = () => {};
    let resized = 0;
    near.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
        const [type, flags, id] = [pending.readUInt8(3), pending.readUInt8(4), pending.readUInt32BE(5)];
        const payload = pending.subarray(9, 9 + pending.readUIntBE(0, 3));
        pending = pending.subarray(9 + payload.length);
        if (type === 1 || type === 9) {
          block = Buffer.concat([block, payload]);
          if (flags & 4) {
            resized += (block.readUInt8(0) & 0xe0) === 0x20 ? 1 : 0;
            seen.set(id, fieldsOf(decoder, block));
            block = Buffer.alloc(0);
            answered();
          }
        } else if (type === 4 && flags === 0) {
          near.write(frame(4, 1, 0, Buffer.alloc(0)));
        }
      }
    });
    near.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    near.write(frame(4, 0, 0, Buffer.alloc(0)));
    const request = Buffer.concat([
      indexedField(':method', 'POST'),
      indexedField(':scheme', 'http'),
      indexedField(':path', '/'),
      literalField(':authority', 'a'),
    ]);
    for (let index = 0; index < answers.length; index++) {
      if (index % 20 === 10) {
        // SETTINGS_HEADER_TABLE_SIZE
        const setting = Buffer.from([0, 1, 0, 0, [0, 1, 4, 16][(index / 10) % 4] as number, 0]);
        near.write(frame(4, 0, 0, setting));
      }
      const next = new Promise<void>((resolve) => {
        answered = resolve;
      });
      near.write(frame(1, 5, index * 2 + 1, request));
      await next;
    }
    expect(seen.size).toBe(answers.length);
    expect(resized).toBeGreaterThan(5);
    for (const [index, headers] of answers.entries()) {
      const expected = [[':status', '200'], ...Object.entries(headers)].sort();
      expect([...(seen.get(index * 2 + 1) as Field[])].filter(([own]) => own !== 'date').sort()).toEqual(expected);
    }
  });
});

describe('the heads of answers', () => {
  const read = (reader: ReturnType<typeof createAnswerHeadReader>, block: Buffer) =>
    reader.read(block, 0, block.length);

  it('are known again by their bytes until the table changes', () => {
    const reader = createAnswerHeadReader();
    // content-type, then grpc-status enter the table.
    expect(read(reader, Buffer.from('\x88\x5f\x10application/grpc', 'latin1'))).toMatchObject({
      httpStatus: 200,
      grpc: true,
    });
    expect(read(reader, Buffer.from('\x40\x0bgrpc-status\x010', 'latin1'))).toMatchObject({ httpStatus: 0, code: '0' });
    const first = read(reader, hex('be'));
    expect(first.code).toBe('0');
    expect(read(reader, hex('be'))).toBe(first);
    expect(read(reader, hex('88bf'))).toMatchObject({ httpStatus: 200, grpc: true, code: undefined });
    // A new entry: now the same byte means another status.
    expect(read(reader, Buffer.from('\x40\x0bgrpc-status\x015', 'latin1')).code).toBe('5');
    expect(read(reader, hex('be')).code).toBe('5');
    expect(read(reader, hex('bf')).code).toBe('0');
    // An empty table: it means nothing.
    expect(read(reader, hex('20')).listBytes).toBe(0);
    expect(() => read(reader, hex('be'))).toThrow(RangeError);
  });

  it.each([
    ['two statuses', [':status', '200', ':status', '200']],
    ['a status behind a header', ['x-a', '1', ':status', '200']],
    ['a request header', [':status', '200', ':path', '/']],
    ['a status of four digits', [':status', '2000']],
    ['a header of HTTP/1.1', [':status', '200', 'transfer-encoding', 'chunked']],
    ['upper case', [':status', '200', 'X-A', '1']],
  ])('malformed: %s', (_what, words) => {
    const fields = words.flatMap((word, index) => (index % 2 ? [] : [literalField(word, words[index + 1] as string)]));
    expect(read(createAnswerHeadReader(), Buffer.concat(fields)).malformed).toBeDefined();
  });
});
