import { describe, expect, it } from 'vitest';
import type { Item } from '../../../src/datasets/dataset.js';
import { BenchError } from '../../../src/errors.js';
import { readFlags } from '../../../src/flags.js';
import { http } from '../../../src/protocols/http.js';
import type { CreateOptions } from '../../../src/protocols/protocol.js';

type Words = Readonly<Record<string, string | readonly string[]>>;

interface Place extends Partial<CreateOptions> {
  readonly path?: string;
  /** What `--body @FILE` gave. */
  readonly bytes?: Uint8Array;
}

function make(words: Words, { path = '', bytes, headers = {} }: Place = {}) {
  const problems: string[] = [];
  const given = new Map(Object.entries(words).map(([name, word]) => [name, typeof word === 'string' ? [word] : word]));
  const values = readFlags(http.flags, given, problems);
  expect(problems).toEqual([]);
  return http.create(bytes ? { ...values, body: bytes } : values, path, { headers });
}

const row = (columns: Readonly<Record<string, unknown>> = {}): Item => ({ kind: 'row', columns });

async function request(words: Words, item = row(), place: Place = {}) {
  const { method, path, headers, body, statuses } = (await make(words, place)).encode([item]);
  return { method, path, headers, body: body && String(body), statuses };
}

async function problem(words: Words, item = row(), place: Place = {}): Promise<string> {
  const error = await request(words, item, place).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(BenchError);
  return (error as BenchError).message;
}

describe('a request', () => {
  it('is a bare GET of the root unless told otherwise', async () => {
    expect(await request({})).toEqual({ method: 'GET', path: '/', headers: {}, body: null, statuses: undefined });
  });

  it.each([
    ['', '/a?b=1', '/a?b=1'],
    ['/api', '/a', '/api/a'],
    ['/api/', '/a', '/api/a'],
    ['/api', '?q=1', '/api?q=1'],
    ['/api?q=1', undefined, '/api?q=1'],
  ])('below %s to %s goes to %s', async (base, path, sent) => {
    expect((await request(path === undefined ? {} : { path }, row(), { path: base })).path).toBe(sent);
  });

  it('is filled from the row in path, headers and body', async () => {
    const sent = await request(
      { path: '/v/{{id}}?q={{text}}', body: '{"text":"{{text}}","n":{{n}}}', method: 'put' },
      row({ id: 'a/b', text: 'say "hi" & go', n: 3 }),
      { headers: { 'x-id': 'id-{{id}}', authorization: 'Bearer z' } },
    );
    expect(sent).toEqual({
      method: 'PUT',
      path: '/v/a%2Fb?q=say%20%22hi%22%20%26%20go',
      headers: { 'x-id': 'id-a/b', authorization: 'Bearer z', 'content-type': 'application/json' },
      body: '{"text":"say \\"hi\\" & go","n":3}',
      statuses: undefined,
    });
  });

  it('takes a text as the column text', async () => {
    expect((await request({ body: '["{{text}}"]' }, { kind: 'text', text: 'x' })).body).toBe('["x"]');
  });

  it.each([
    ['[1]', {}, 'application/json'],
    ['hello {{a}}', {}, 'text/plain; charset=utf-8'],
    ['{{a}}', {}, 'text/plain; charset=utf-8'],
    ['a={{a}}', { 'content-type': 'application/x-www-form-urlencoded' }, 'application/x-www-form-urlencoded'],
  ])('with the body %s and %j has the type %s', async (body, headers, type) => {
    expect((await request({ body }, row({ a: 1 }), { headers })).headers['content-type']).toBe(type);
  });

  it.each([
    ['{"a":"{{a}}"}', 'application/vnd.api+json', '{"a":"\\"&"}'],
    ['a={{a}}', 'application/x-www-form-urlencoded', 'a=%22%26'],
    ['{"a":"{{a}}"}', 'text/plain', '{"a":""&"}'],
  ])('fills %s of type %s as %s', async (body, type, filled) => {
    expect((await request({ body }, row({ a: '"&' }), { headers: { 'content-type': type } })).body).toBe(filled);
  });

  it('sends the bytes of a file that is no text as they are', async () => {
    const protocol = await make({}, { bytes: Uint8Array.of(0xff, 0, 0x7b, 0x7b) });
    const { body, headers, method } = protocol.encode([row()]);
    expect([...(body as Buffer)]).toEqual([0xff, 0, 0x7b, 0x7b]);
    expect([method, headers['content-type']]).toEqual(['POST', 'application/octet-stream']);
  });

  it('shares its headers with all others where none is filled', async () => {
    const protocol = await make({ body: '{"a":{{a}}}' }, { headers: { a: 'b' } });
    expect(protocol.encode([row({ a: 1 })]).headers).toBe(protocol.encode([row({ a: 2 })]).headers);
  });

  it('that cannot be is an error that names the flag', async () => {
    expect(await problem({ path: 'a' })).toBe('Cannot read --path: must begin with / or with ?: got "a"');
    expect(await problem({ path: '/a' }, row(), { path: '/?q=1' })).toContain('Cannot combine --path');
    expect(await problem({ path: '/{{a}}' }, row({ b: 1 }))).toBe(
      'Cannot fill {{a}} of --path: the dataset has the columns b',
    );
    expect(await problem({}, row({ b: 1 }), { path: '/{{a}}' })).toContain('Cannot fill {{a}} of the URL');
    expect(await problem({}, row({ b: 1 }), { headers: { x: '{{a}}' } })).toContain('{{a}} of --header x');
    expect(await problem({ body: '{{a}}' }, row({ b: 1 }))).toContain('{{a}} of --body');
  });
});

describe('an answer', () => {
  const answer = async (words: Words, body: string, status = 200) => {
    const protocol = await make(words);
    return protocol.decode({ status, headers: {}, body: Buffer.from(body) }, protocol.encode([row()]));
  };

  it('is not looked at unless something is expected of it', async () => {
    expect((await answer({}, '\xff')).outcome).toBe('ok');
  });

  it.each([
    ['{"label":"joy","scores":[{"p":0.5}]}', 'ok'],
    ['{"label":"joy","scores":[{"p":0.25}]}', 'wrong_output'],
    ['{"label":"joy"}', 'wrong_output'],
    ['[]', 'wrong_output'],
    ['', 'invalid_json'],
  ])('%s is %s', async (body, outcome) => {
    expect((await answer({ expect: ['$.label=joy', '$.scores[0].p=0.5'] }, body)).outcome).toBe(outcome);
  });

  it('may have the statuses that were asked for', async () => {
    expect((await request({ 'expect-status': '201, 404' })).statuses).toEqual([201, 404]);
    const problems: string[] = [];
    readFlags(http.flags, new Map([['expect-status', ['2xx']]]), problems);
    expect(problems).toEqual([
      'Cannot read --expect-status: must be HTTP statuses from 200 to 599, with commas between: got "2xx"',
    ]);
  });
});

it('its endpoint has the name that was given', async () => {
  expect((await make({})).endpoints).toEqual(['http']);
  expect((await make({ 'endpoint-name': 'score' })).endpoints).toEqual(['score']);
});
