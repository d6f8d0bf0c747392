/**
 * Header compression for HTTP/2, RFC 7541. Reading is complete: static and dynamic table, size updates, Huffman codes.
 * Writing keeps to literals that no table is changed by, so that a block once written is good on every connection.
 */

/** The static table by index, appendix A; `name` or `name: value`. Index 0 is none. */
const STATIC_FIELDS = `
:authority|:method: GET|:method: POST|:path: /|:path: /index.html|:scheme: http|:scheme: https|:status: 200|:status: 204
:status: 206|:status: 304|:status: 400|:status: 404|:status: 500|accept-charset|accept-encoding: gzip, deflate
accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control
content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|cookie
date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified
link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie
strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate`;

interface Field {
  readonly name: string;
  readonly value: string;
}

const STATIC_TABLE: readonly Field[] = [
  { name: '', value: '' },
  ...STATIC_FIELDS.trim()
    .split(/[|\n]/)
    .map((field) => {
      const [, name = '', value = ''] = /^(:?[^:]+)(?:: (.*))?$/.exec(field) ?? [];
      return { name, value };
    }),
];
const STATIC_SIZE = STATIC_TABLE.length - 1;

/** Length of the code of each byte and of the end mark, in bits as digits of base 36: appendix B. */
const CODE_LENGTHS = [
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6f565',
  '65666577666567655677777fbedskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmnqqkjmnmp',
  'qqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu',
].join('');

/** The code is canonical: by length, then by byte. As a binary tree: node × 2 + bit is the next node, or -1 - symbol. */
const HUFFMAN_TREE = huffmanTree();
const END_MARK = 256;

function huffmanTree(): Int16Array {
  const tree = new Int16Array(1024);
  const symbols = [...CODE_LENGTHS].map((digit, symbol) => ({ symbol, length: Number.parseInt(digit, 36) }));
  symbols.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  let nodes = 1;
  let code = 0;
  let codeLength = 0;
  for (const { symbol, length } of symbols) {
    code <<= length - codeLength;
    codeLength = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const branch = node * 2 + ((code >> bit) & 1);
      if (tree[branch] === 0) {
        tree[branch] = nodes++;
      }
      node = tree[branch] as number;
    }
    tree[node * 2 + (code & 1)] = -1 - symbol;
    code++;
  }
  return tree;
}

/** Default of SETTINGS_HEADER_TABLE_SIZE, RFC 9113 section 6.5.2: the dynamic table of a peer that was told nothing else. */
const TABLE_BYTES = 4096;
/** What an entry counts beside its name and value, RFC 7541 section 4.1. */
const ENTRY_BYTES = 32;

/** Reads the header blocks of one direction of one connection, in the order in which they came. */
export interface HpackDecoder {
  /**
   * Hands each field of the block `bytes[from, to)` to `onField`, as Latin-1. Returns whether the dynamic table is what it
   * was before: then the same bytes mean the same again. Throws RangeError for a malformed block; nothing that comes
   * after it can be read.
   */
  decode(bytes: Buffer, from: number, to: number, onField: (name: string, value: string) => void): boolean;
}

/** A decoder with an empty dynamic table of at most `tableBytes`. */
export function createHpackDecoder(tableBytes = TABLE_BYTES): HpackDecoder {
  /** The dynamic table, oldest first. */
  const table: Field[] = [];
  let usedBytes = 0;
  let maxBytes = tableBytes;
  let block: Buffer = Buffer.alloc(0);
  let at = 0;
  let end = 0;

  function evict(limitBytes: number): void {
    let evicted = 0;
    while (usedBytes > limitBytes) {
      const { name, value } = table[evicted++] as Field;
      usedBytes -= name.length + value.length + ENTRY_BYTES;
    }
    table.splice(0, evicted);
  }

  function insert(field: Field): void {
    const bytes = field.name.length + field.value.length + ENTRY_BYTES;
    // A field larger than the table empties it and is not kept: section 4.4.
    evict(Math.max(0, maxBytes - bytes));
    if (bytes <= maxBytes) {
      table.push(field);
      usedBytes += bytes;
    }
  }

  function fieldAt(index: number): Field {
    const field = index <= STATIC_SIZE ? STATIC_TABLE[index] : table[table.length - (index - STATIC_SIZE)];
    if (!field || index === 0) {
      throw new RangeError(`Header field index ${index} is in no table`);
    }
    return field;
  }

  /** An integer whose first byte has `prefix` as the mask of its bits: section 5.1. */
  function readInteger(prefix: number): number {
    let value = (block[at++] as number) & prefix;
    if (value < prefix) {
      return value;
    }
    for (let shift = 0; ; shift += 7) {
      if (at >= end || shift > 21) {
        throw new RangeError(at >= end ? 'Header block ends inside a number' : 'Number in a header block is too large');
      }
      const byte = block[at++] as number;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) {
        return value;
      }
    }
  }

  function readString(): string {
    if (at >= end) {
      throw new RangeError('Header block ends before a string');
    }
    const coded = (block[at] as number) >= 0x80;
    const length = readInteger(0x7f);
    const from = at;
    at += length;
    if (at > end) {
      throw new RangeError('Header block ends inside a string');
    }
    return coded ? huffmanDecode(block, from, at) : block.toString('latin1', from, at);
  }

  function readLiteral(prefix: number): Field {
    const index = readInteger(prefix);
    const name = index === 0 ? readString() : fieldAt(index).name;
    return { name, value: readString() };
  }

  function resize(): void {
    const bytes = readInteger(0x1f);
    if (bytes > tableBytes) {
      throw new RangeError(`Header table of ${bytes} bytes: at most ${tableBytes} are allowed`);
    }
    maxBytes = bytes;
    evict(maxBytes);
  }

  return {
    decode(bytes, from, to, onField) {
      let same = true;
      let fields = 0;
      block = bytes;
      at = from;
      end = to;
      while (at < end) {
        const first = block[at] as number;
        if (first >= 0x80) {
          const { name, value } = fieldAt(readInteger(0x7f));
          onField(name, value);
          fields++;
        } else if (first >= 0x40) {
          const field = readLiteral(0x3f);
          insert(field);
          same = false;
          onField(field.name, field.value);
          fields++;
        } else if (first >= 0x20) {
          if (fields > 0) {
            throw new RangeError('Header table size changes inside a header block');
          }
          resize();
          same = false;
        } else {
          const { name, value } = readLiteral(0x0f);
          onField(name, value);
          fields++;
        }
      }
      return same;
    },
  };
}

/** Decodes Huffman-coded bytes, RFC 7541 section 5.2, to Latin-1. Throws RangeError for codes that end wrongly. */
function huffmanDecode(bytes: Buffer, from: number, to: number): string {
  // The shortest code has five bits.
  const text = Buffer.allocUnsafe(Math.ceil(((to - from) * 8) / 5));
  let length = 0;
  let node = 0;
  let depth = 0;
  let ones = true;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >> shift) & 1;
      const next = HUFFMAN_TREE[node * 2 + bit] as number;
      depth++;
      ones &&= bit === 1;
      if (next < 0) {
        const symbol = -1 - next;
        if (symbol === END_MARK) {
          throw new RangeError('Huffman code of the end mark inside a string');
        }
        text[length++] = symbol;
        node = 0;
        depth = 0;
        ones = true;
      } else {
        node = next;
      }
    }
  }
  // What is left is padding: fewer than eight bits, the beginning of the end mark, which is all ones.
  if (depth > 7 || !ones) {
    throw new RangeError('Huffman-coded string ends inside a code');
  }
  return text.toString('latin1', 0, length);
}

/** A field of the static table whole, as the one byte that stands for it. */
export function indexedField(name: string, value: string): Buffer {
  const index = STATIC_TABLE.findIndex((field) => field.name === name && field.value === value);
  if (index < 1) {
    throw new RangeError(`${name}: ${value} is not in the static table`);
  }
  return Buffer.of(0x80 | index);
}

/** A field as a literal that enters no table, here or at any proxy when it is `secret`; Latin-1, no Huffman codes. */
export function literalField(name: string, value: string, secret = false): Buffer {
  const index = STATIC_TABLE.findIndex((field) => field.name === name);
  const kind = secret ? 0x10 : 0;
  const nameParts = index > 0 ? [integer(index, 0x0f, kind)] : [Buffer.of(kind), literalString(name)];
  return Buffer.concat([...nameParts, literalString(value)]);
}

/** Says that the peer needs no dynamic table: has to be first in the first block, where the peer may have asked for it. */
export const NO_TABLE = Buffer.of(0x20);

function literalString(text: string): Buffer {
  return Buffer.concat([integer(text.length, 0x7f, 0), Buffer.from(text, 'latin1')]);
}

function integer(value: number, prefix: number, kind: number): Buffer {
  if (value < prefix) {
    return Buffer.of(kind | value);
  }
  const bytes = [kind | prefix];
  let rest = value - prefix;
  for (; rest >= 0x80; rest >>= 7) {
    bytes.push((rest & 0x7f) | 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
