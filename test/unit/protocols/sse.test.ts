import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serverEvents } from '../../../src/protocols/sse.js';
import { arrivalTimes, tokenTimes } from '../../../src/protocols/token-times.js';

const events = (text: string) => [...serverEvents(Buffer.from(text))];
const messages = (text: string) => events(text).map(({ type, data, ended }) => [type, data, ended]);

describe('the events of a stream', () => {
  it.each([
    [
      'two events',
      'data: a\n\ndata: b\n\n',
      [
        ['message', 'a', true],
        ['message', 'b', true],
      ],
    ],
    ['no space after the colon', 'data:a\n\n', [['message', 'a', true]]],
    ['only one space belongs to the field', 'data:  a \n\n', [['message', ' a ', true]]],
    ['several data lines are one event', 'data: a\ndata: b\ndata\ndata:\n\n', [['message', 'a\nb\n\n', true]]],
    [
      'CRLF',
      'data: a\r\n\r\ndata: b\r\n\r\n',
      [
        ['message', 'a', true],
        ['message', 'b', true],
      ],
    ],
    [
      'CR alone',
      'data: a\r\rdata: b\r\r',
      [
        ['message', 'a', true],
        ['message', 'b', true],
      ],
    ],
    [
      'line ends mixed',
      'data: a\r\ndata: b\n\rdata: c\r\r\n',
      [
        ['message', 'a\nb', true],
        ['message', 'c', true],
      ],
    ],
    ['comments are passed over', ': ping\n\n:\ndata: a\n: in it\ndata: b\n\n', [['message', 'a\nb', true]]],
    [
      'a name',
      'event: error\ndata: a\n\ndata: b\n\n',
      [
        ['error', 'a', true],
        ['message', 'b', true],
      ],
    ],
    ['a name without data is no event', 'event: error\n\ndata: b\n\n', [['message', 'b', true]]],
    ['id, retry and what nobody knows', 'id: 1\nretry: 5\nfoo: x\ndata : y\ndata: a\n\n', [['message', 'a', true]]],
    ['a mark of the byte order', '\ufeffdata: a\n\n', [['message', 'a', true]]],
    ['blank lines', '\n\n\r\n\rdata: a\n\n\n', [['message', 'a', true]]],
    [
      'no blank line at the end',
      'data: a\n\ndata: b\n',
      [
        ['message', 'a', true],
        ['message', 'b', false],
      ],
    ],
    [
      'no line end at the end',
      'data: a\n\ndata: b',
      [
        ['message', 'a', true],
        ['message', 'b', false],
      ],
    ],
    ['colons and any language in the data', 'data: {"€": "ü:🎉"}\n\n', [['message', '{"€": "ü:🎉"}', true]]],
    ['nothing', '', []],
    ['something else', '{"error":"no"}', []],
  ])('%s', (_what, text, wanted) => {
    expect(messages(text)).toEqual(wanted);
  });

  const line = fc.constantFrom('data: a', 'data:', 'data: €', ': ping', 'event: x', '', 'id: 7');
  const streams = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 30 })
    .map((lines) => Buffer.from(lines.flat().join('')));

  it('are known from the byte on that their `endByte` tells, and not before', () => {
    fc.assert(
      fc.property(streams, (body) => {
        const ended = (upTo: number) => [...serverEvents(body.subarray(0, upTo))].filter(({ ended }) => ended).length;
        const known = [...serverEvents(body)].filter((event) => event.ended).map(({ endByte }) => endByte);
        for (const [nth, endByte] of known.entries()) {
          expect([ended(endByte - 1), ended(endByte)]).toEqual([nth, nth + 1]);
        }
      }),
    );
  });

  it('of ten megabytes take no more than one pass', () => {
    const body = Buffer.from('data: 0123456789\n\n'.repeat(600_000));
    let count = 0;
    for (const { data } of serverEvents(body)) {
      count += data.length === 10 ? 1 : 0;
    }
    expect(count).toBe(600_000);
  });
});

describe('the arrival of what lies in a body', () => {
  it('is that of the first piece that reaches so far', () => {
    const at = arrivalTimes({ endBytes: [4, 10, 11], atUs: [100, 200, 300] });
    expect([1, 4, 5, 10, 11].map(at)).toEqual([100, 100, 200, 200, 300]);
    expect(at(12)).toBeUndefined();
  });

  it('is unknown where nobody noted it', () => {
    expect(arrivalTimes(undefined)(1)).toBeUndefined();
  });
});

describe('the times of tokens', () => {
  it.each([
    ['no content', [], { chunks: 0 }],
    ['one chunk', [500], { chunks: 1, firstTokenUs: 500, lastTokenUs: 500, gapsUs: [] }],
    ['three chunks', [1000, 5000, 9500], { chunks: 3, firstTokenUs: 1000, lastTokenUs: 9500, gapsUs: [4000, 4500] }],
    ['all in one instant: collected on the way', [1000, 1000, 1001], { chunks: 3 }],
    ['nine of ten within a millisecond', [0, 1, 2, 3, 4, 5, 6, 7, 1000, 50_000], { chunks: 10 }],
    [
      'two together, one later',
      [0, 1000, 3000],
      { chunks: 3, firstTokenUs: 0, lastTokenUs: 3000, gapsUs: [1000, 2000] },
    ],
  ])('%s', (_what, chunksUs, wanted) => {
    expect(tokenTimes(chunksUs)).toEqual(wanted);
  });
});
