import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BenchError } from '../../../src/errors.js';
import type { Flags } from '../../../src/flags.js';
import { RUN_FLAG_GROUPS } from '../../../src/spec/run-flags.js';
import { readRunSpec } from '../../../src/spec/run-spec.js';

type Words = Readonly<Record<string, string | true | readonly string[]>>;

const directory = () => mkdtempSync(join(tmpdir(), 'infer-bench-spec-'));

function read(given: Words, { operands = [] as readonly string[], cwd = directory() } = {}) {
  const entries = Object.entries(given).map(
    ([name, word]) => [name, typeof word === 'object' ? word : [word]] as const,
  );
  return readRunSpec({ operands, given: new Map(entries), problems: [], cwd });
}

/** The problems that reading ends with, one a line. */
function problems(...args: Parameters<typeof read>): readonly string[] {
  try {
    read(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(BenchError);
    expect((error as BenchError).kind).toBe('usage');
    return (error as BenchError).message.split('\n');
  }
  throw new Error('was taken');
}

function file(name: string, content: string): string {
  const cwd = directory();
  writeFileSync(join(cwd, name), content);
  return cwd;
}

describe('nothing asked for', () => {
  it("is the first seed's experiment", () => {
    const spec = read({});
    expect(spec.endpoint).toBeUndefined();
    expect(spec.settings).toMatchObject({
      pattern: 'double-wave',
      protocol: 'sentiment',
      duration: 120e6,
      'think-time': 300e3,
      'batch-size': 1,
      seed: 1,
      check: 'shape',
      timeout: 10e6,
      drain: 30e6,
    });
    expect(spec.patternSettings).toEqual({ 'min-users': 2, 'peak-one': 15, 'peak-two': 60 });
    expect(spec.datasetName).toBe('tweets');
    expect(spec.asked).toEqual({});
  });

  it('takes tensors from the digits for the tensor protocols', () => {
    expect(read({ protocol: 'tf-serving-grpc' }).datasetName).toBe('digits');
    expect(read({ protocol: 'tf-serving-rest' }).protocolSettings).toEqual({
      model: 'mnist',
      'model-version': undefined,
      'version-label': undefined,
      signature: undefined,
      input: undefined,
      call: 'predict',
      format: 'row',
    });
  });
});

describe('a flag that protocols share', () => {
  it('is read as the chosen one understands it', () => {
    expect(read({ protocol: 'oip-rest', encoding: 'binary' }).protocolSettings).toMatchObject({ encoding: 'binary' });
    expect(read({ protocol: 'tf-serving-grpc', encoding: 'typed' }).protocolSettings).toMatchObject({
      encoding: 'typed',
    });
    expect(problems({ protocol: 'oip-rest', encoding: 'raw' })).toEqual([
      'Cannot read --encoding: must be one of json, binary: got "raw"',
    ]);
    expect(problems({ protocol: 'tf-serving-rest', encoding: 'raw' })[0]).toContain('has no effect');
  });

  it('has all of its meanings in the help, each once with whose it is, and no default of one alone', () => {
    const { encoding, input } = RUN_FLAG_GROUPS.Request as Flags;
    expect(encoding?.help).toBe(
      'tf-serving-grpc, oip-grpc: tensors over gRPC: raw, typed (default raw); oip-rest: tensors over REST: json, ' +
        'binary (default json); openai-embeddings: vectors in the answer: float, base64 (default float)',
    );
    expect(encoding?.default).toBeUndefined();
    expect(input?.help.match(/name of the model's input/g)?.length).toBe(1);
  });
});

describe('a URL', () => {
  it.each([
    ['http://127.0.0.1:8000', 'sentiment', { secure: false, host: '127.0.0.1', port: 8000, path: '' }],
    ['http://host', 'sentiment', { secure: false, host: 'host', port: 80, path: '' }],
    ['https://host/api', 'sentiment', { secure: true, host: 'host', port: 443, path: '/api' }],
    ['host:8501', 'tf-serving-rest', { secure: false, host: 'host', port: 8501, path: '' }],
    ['localhost:8500', 'tf-serving-grpc', { secure: false, host: 'localhost', port: 8500, path: '' }],
    ['grpc://host', 'tf-serving-grpc', { secure: false, host: 'host', port: 8500, path: '' }],
    ['grpcs://host:80', 'tf-serving-grpc', { secure: true, host: 'host', port: 80, path: '' }],
    ['http://[::1]:9000/', 'sentiment', { secure: false, host: '::1', port: 9000, path: '' }],
    ['HTTP://Host:1', 'sentiment', { secure: false, host: 'host', port: 1, path: '' }],
  ])('%s for %s', (url, protocol, endpoint) => {
    expect(read({ protocol }, { operands: [url] }).endpoint).toMatchObject(endpoint);
  });

  it.each([
    [
      'grpc://x:1',
      'sentiment',
      'Cannot use URL grpc://x:1: --protocol sentiment goes over http://, https://, got grpc://',
    ],
    [
      'http://x:1',
      'tf-serving-grpc',
      'Cannot use URL http://x:1: --protocol tf-serving-grpc goes over grpc://, grpcs://, got http://',
    ],
    ['ftp://x', 'sentiment', 'Cannot use URL ftp://x: --protocol sentiment goes over http://, https://, got ftp://'],
    ['http://', 'sentiment', 'Cannot read URL http://: wanted http://host:port'],
    ['http://x:99999', 'sentiment', 'Cannot read URL http://x:99999: wanted http://host:port'],
    ['http://x:0', 'sentiment', 'Cannot use URL http://x:0: port 0 is no port to connect to'],
    [
      'http://x/v1/models',
      'tf-serving-rest',
      'Cannot use URL http://x/v1/models: --protocol tf-serving-rest has paths of its own; give host and port only',
    ],
    ['http://x/?query=1', 'sentiment', 'Cannot use URL http://x/?query=***: wanted no query and no fragment'],
    [
      'http://me:secret@x',
      'sentiment',
      'Cannot use URL http://***@x: a user name or password in it is not sent; use --header-file',
    ],
  ])('%s for %s is refused', (url, protocol, problem) => {
    expect(problems({ protocol }, { operands: [url] })).toEqual([problem]);
  });

  it('is given once', () => {
    expect(problems({}, { operands: ['a', 'b'] })).toEqual(['Got 2 URLs, wanted one: a b']);
  });
});

describe('a request that the user writes', () => {
  const http = (target: string) => read({ protocol: 'http' }, { operands: [target] }).endpoint?.path;

  it.each([
    ['http://host', ''],
    ['http://host/', ''],
    ['host:80/a b/{{ id }}?q={{text}}', '/a b/{{ id }}?q={{text}}'],
    ['http://host?q=1', '/?q=1'],
    ['http://host/%7B%7B?a=/?', '/%7B%7B?a=/?'],
  ])('to %s goes to the path as it was written: %s', (target, path) => {
    expect(http(target)).toBe(path);
  });

  it('has no fragment, and for other protocols no query', () => {
    expect(problems({ protocol: 'http' }, { operands: ['http://host/#a'] })[0]).toContain('wanted no fragment');
    expect(problems({ protocol: 'sentiment' }, { operands: ['http://host/?a=1'] })[0]).toContain(
      'wanted no query and no fragment',
    );
  });

  it('has the content of files that are named with @, and absolute paths', () => {
    const cwd = file('body.json', '{"a":1}');
    writeFileSync(join(cwd, 'image.png'), Buffer.of(0x89, 0x50, 0xff));
    const body = (word: string) => read({ protocol: 'http', body: word }, { cwd }).protocolSettings.body;
    expect(body('@body.json')).toBe('{"a":1}');
    expect(body('body.json')).toBe('body.json');
    expect([...(body('@image.png') as Buffer)]).toEqual([0x89, 0x50, 0xff]);
    expect(problems({ protocol: 'http', body: '@no.json' }, { cwd })).toEqual([
      'Cannot read --body @no.json: no such file or directory',
    ]);
    const words = { protocol: 'grpc', call: 'a.B/C', proto: 'x/a.proto', 'proto-path': ['x', '/abs'] };
    expect(read(words, { cwd }).protocolSettings).toMatchObject({
      call: { service: 'a.B', method: 'C' },
      proto: join(cwd, 'x/a.proto'),
      'proto-path': [join(cwd, 'x'), '/abs'],
    });
  });

  it('expects nothing of answers that are not read', () => {
    expect(problems({ protocol: 'http', expect: '$.a', check: 'none' })).toEqual([
      '--expect has no effect with --check none, which reads no answer',
    ]);
  });

  it('listens nowhere without a port', () => {
    expect(problems({ 'metrics-host': '0.0.0.0' })).toEqual(['--metrics-host has no effect without --metrics-port']);
    expect(read({ 'metrics-host': '0.0.0.0', 'metrics-port': '0' }).settings['metrics-host']).toBe('0.0.0.0');
  });

  it('is saved without what may be secret, and not taken again like that', () => {
    const words = { protocol: 'http', path: '/a?key=abc&q={{text}}' };
    expect(read({ ...words, body: '{"password":"x"}' }).asked).toMatchObject({
      path: '/a?key=***&q={{text}}',
      body: '***',
    });
    const cwd = file('body.json', '{}');
    expect(read({ ...words, body: '@body.json' }, { cwd }).asked).toMatchObject({ body: '@body.json' });
    expect(problems({ protocol: 'http', body: '***' })).toEqual([
      'Cannot use --body: a part of it was masked when the spec was saved; give it again',
    ]);
  });
});

describe('a spec file', () => {
  it('has the names of the flags as keys, and flags win over it', () => {
    const cwd = file('spec.yaml', 'pattern: step\nstep-users: 3\nduration: 10s\nseed: 5\nurl: http://a:1\n');
    const spec = read({ file: 'spec.yaml', seed: '9' }, { cwd });
    expect(spec.settings).toMatchObject({ pattern: 'step', duration: 10e6, seed: 9 });
    expect(spec.patternSettings['step-users']).toBe(3);
    expect(spec.endpoint?.url).toBe('http://a:1');
    expect(read({ file: 'spec.yaml' }, { cwd, operands: ['http://b:2'] }).endpoint?.url).toBe('http://b:2');
  });

  it('may be JSON, with lists for what may be repeated', () => {
    const cwd = file('spec.json', '{"pattern": "stages", "stage": ["10s:5", "5s:0"], "header": ["A: 1", "B: 2"]}');
    const spec = read({ file: 'spec.json' }, { cwd });
    expect(spec.curve.durationUs).toBe(15e6);
    expect(spec.headers).toEqual({ a: '1', b: '2' });
  });

  it('is found by its name in the working directory', () => {
    const cwd = file('infer-bench.yaml', 'seed: 4\n');
    expect(read({}, { cwd })).toMatchObject({ file: 'infer-bench.yaml', settings: { seed: 4 } });
  });

  it('may be empty', () => {
    expect(read({ file: 's.yaml' }, { cwd: file('s.yaml', '# nothing yet\n') }).settings.seed).toBe(1);
  });

  it.each([
    ['pattern: step\nstep-user: 3\n', ['s.yaml:2: Unknown key "step-user" (did you mean step-users?)']],
    [
      'seed: 1\nduration: 10\n',
      ['Cannot read s.yaml:2: duration: must be a duration with its unit, such as 300ms, 10s or 5m: got "10"'],
    ],
    ['seed:\n  a: 1\n', ['s.yaml:1: seed must be a value or a list of values']],
    ['- a\n- b\n', ['s.yaml:1: A spec must be a list of settings such as "pattern: step"']],
    ['a: [1\n', ['s.yaml:2: ']],
    ['seed: 1\nseed: 2\n', ['s.yaml:2: Map keys must be unique']],
    ['file: other.yaml\n', ['s.yaml:1: Unknown key "file"']],
    ['__proto__:\n  polluted: 1\n', ['s.yaml:1: ']],
    [
      'a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n',
      ['s.yaml:1: Unknown key "a"', 's.yaml:2: Unknown key "b"', 's.yaml:3: Unknown key "c"'],
    ],
    [
      'users: 5\npattern: step\n',
      ['s.yaml:1: users has no effect with --pattern step: it belongs to --pattern constant'],
    ],
  ])('%j is refused with its lines', (content, wanted) => {
    const found = problems({ file: 's.yaml' }, { cwd: file('s.yaml', content) });
    expect(found.length).toBe(wanted.length);
    for (const [index, start] of wanted.entries()) {
      expect(found[index]?.startsWith(start), found[index]).toBe(true);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('of aliases without end is refused', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...['b', 'c', 'd', 'e', 'f'].map((name, index) => {
        const before = 'abcdef'[index];
        return `${name}: &${name} [*${before},*${before},*${before},*${before},*${before},*${before},*${before}]`;
      }),
    ].join('\n');
    expect(problems({ file: 's.yaml' }, { cwd: file('s.yaml', bomb) })[0]).toContain('Cannot read --file s.yaml');
  });

  it('that is missing or too large is refused', () => {
    expect(problems({ file: 'no.yaml' })[0]).toBe('Cannot read --file no.yaml: no such file or directory');
    const cwd = file('big.yaml', `# ${'x'.repeat(2 ** 20)}`);
    expect(problems({ file: 'big.yaml' }, { cwd })[0]).toContain('a spec has at most 1048576');
  });
});

describe('bad settings', () => {
  it('tell the largest batch in words', () => {
    expect(problems({ protocol: 'openai-embeddings', 'batch-size': '5000' })).toEqual([
      'Cannot read --batch-size: --protocol openai-embeddings takes at most 2,048 items per request: got 5000',
    ]);
  });

  it('are reported all together', () => {
    expect(
      problems(
        { duration: '0s', seed: '-1', users: '3', 'batch-size': '2', 'peak-one': 'x' },
        { operands: ['ftp://x'] },
      ),
    ).toEqual([
      'Cannot read --duration: must be at least 1ms: got "0s"',
      'Cannot read --seed: must be a whole number from 0 to 4294967295: got "-1"',
      'Cannot read --peak-one: must be a whole number from 1 to 60000: got "x"',
      '--users has no effect with --pattern double-wave: it belongs to --pattern constant',
      'Cannot read --batch-size: --protocol sentiment takes 1 item per request: got 2',
      'Cannot use URL ftp://x: --protocol sentiment goes over http://, https://, got ftp://',
    ]);
  });

  it.each<[Words, string]>([
    [{ pattern: 'waves' }, 'Cannot read --pattern: must be one of double-wave, step, constant, stages: got "waves"'],
    [{ 'peak-two': '1' }, 'Cannot read pattern "double-wave": --peak-two must be >= --min-users: got 1, min is 2'],
    [
      { duration: '-5s' },
      'Cannot read --duration: must be a duration with its unit, such as 300ms, 10s or 5m: got "-5s"',
    ],
    [
      { pattern: 'stages' },
      'Cannot read pattern "stages": --pattern stages needs --stage, such as --stage 30s:10,7m:10,3m:0',
    ],
    [
      { pattern: 'stages', stage: '0s:5' },
      'Cannot read pattern "stages": --stage must have a stage that is longer than 0s',
    ],
    [
      { pattern: 'stages', stage: '10s:5:3' },
      'Cannot read --stage: must be stages such as 30s:10,7m:10,3m:0, each a duration and a whole number of users: got "10s:5:3"',
    ],
    [
      { pattern: 'stages', stage: '10s:5', duration: '5s' },
      '--duration has no effect with --pattern stages, whose flags set its length',
    ],
    [
      { signature: 'x' },
      '--signature has no effect with --protocol sentiment: it belongs to --protocol tf-serving-rest, tf-serving-grpc',
    ],
    [{ header: 'no colon' }, 'Cannot read --header: must be a header such as \'Name: value\': got "no colon"'],
    [
      { header: 'A: x\r\nB: y' },
      'Cannot read --header: must be a header such as \'Name: value\': got "A: x\\r\\nB: y"',
    ],
    [
      { header: 'Authorization: ***' },
      'Cannot send header "authorization": its value was masked when the spec was saved; give it again',
    ],
    [{ 'header-file': 'none' }, 'Cannot read --header-file none: no such file or directory'],
  ])('%j: %s', (given, problem) => {
    expect(problems(given)).toEqual([problem]);
  });
});

describe('secrets', () => {
  it('of headers are sent and not saved', () => {
    const spec = read({ header: ['Authorization: Bearer s3cret', 'X-A: 1'] });
    expect(spec.headers).toEqual({ authorization: 'Bearer s3cret', 'x-a': '1' });
    expect(JSON.stringify(spec.asked)).not.toContain('s3cret');
    expect(spec.asked).toEqual({ header: ['Authorization: ***', 'X-A: ***'] });
  });

  it('come from a file, whose bad line is named and not shown', () => {
    const cwd = file('headers', 'Authorization: Bearer s3cret\r\n\r\nX-B: 2\n');
    expect(read({ 'header-file': 'headers' }, { cwd }).headers).toEqual({ authorization: 'Bearer s3cret', 'x-b': '2' });
    const bad = file('headers', 'A: 1\ns3cret\n');
    expect(problems({ 'header-file': 'headers' }, { cwd: bad })).toEqual([
      "headers:2: must be a header such as 'Name: value'",
    ]);
  });
});

it('what was asked can be asked again, but for what deletes', () => {
  const spec = read(
    { pattern: 'constant', users: '3', force: true, file: 'x.yaml' },
    { cwd: file('x.yaml', 'seed: 2\n') },
  );
  expect(spec.asked).toEqual({ seed: '2', pattern: 'constant', users: '3' });
});

describe('a rate', () => {
  it('makes the model open, and the pattern is the one whose flags are given', () => {
    const spec = read({ rate: '12.5', duration: '10s' });
    expect(spec).toMatchObject({ model: 'open', settings: { pattern: 'constant' }, patternSettings: { rate: 12.5 } });
    expect(spec.curve.levelAt(0)).toBe(12.5);
    expect(read({ 'step-users': '3' })).toMatchObject({ model: 'closed', settings: { pattern: 'step' } });
    expect(read({ 'stage-rate': '10s:5.5' }).curve.levelAt(0)).toBe(0);
  });

  it('drives the double wave too', () => {
    const spec = read({ 'min-rate': '1', 'peak-one-rate': '5', 'peak-two-rate': '10', spacing: 'gamma:0.5' });
    expect(spec).toMatchObject({
      model: 'open',
      settings: { pattern: 'double-wave', spacing: { kind: 'gamma', cv: 0.5 } },
    });
  });

  it.each<[Words, string]>([
    [{ rate: '0' }, 'Cannot read --rate: must be requests per second, above 0 and at most 10000000: got "0"'],
    [{ rate: '1e3' }, 'Cannot read --rate: must be requests per second, above 0 and at most 10000000: got "1e3"'],
    [{ 'peak-two-rate': '10' }, 'Cannot read pattern "double-wave": it needs --min-rate, --peak-one-rate'],
    [
      { rate: '5', 'think-time': '1s' },
      'Cannot combine --think-time and --rate: users who wait for answers (closed model) and requests at a rate (open model) are different runs',
    ],
    [
      { rate: '5', spacing: 'gamma' },
      'Cannot read --spacing: must be uniform, poisson or gamma:CV with a CV above 0 and at most 10: got "gamma"',
    ],
    [{ connections: '0' }, 'Cannot read --connections: must be a whole number of at least 1, or fresh: got "0"'],
    [{ connections: 'few' }, 'Cannot read --connections: must be a whole number of at least 1, or fresh: got "few"'],
  ])('%j is refused', (given, problem) => {
    expect(problems(given)).toEqual([problem]);
  });

  it('with users is refused', () => {
    expect(problems({ rate: '5', users: '3' })[0]).toContain('Cannot combine --users and --rate');
    expect(problems({ spacing: 'poisson', users: '3' })[0]).toContain('Cannot combine --users and --spacing');
  });
});

describe('the order of payloads', () => {
  it.each<[Words, unknown]>([
    [{}, { kind: 'unique' }],
    [{ 'data-order': 'shuffle' }, { kind: 'shuffle' }],
    [{ 'repeat-rate': '0.95' }, { kind: 'repeat', rate: 0.95 }],
    [
      { 'data-order': 'repeat', 'repeat-rate': '0' },
      { kind: 'repeat', rate: 0 },
    ],
    [{ 'data-order': 'zipf' }, { kind: 'zipf', exponent: 1 }],
    [{ 'zipf-exponent': '1.2' }, { kind: 'zipf', exponent: 1.2 }],
  ])('asked for by %j is %j', (given, order) => {
    const spec = read(given);
    expect(spec.order).toEqual(order);
    expect(spec.settings['data-order']).toBe(spec.order.kind);
  });

  it.each<[Words, string]>([
    [{ 'data-order': 'repeat' }, '--data-order repeat needs --repeat-rate, such as --repeat-rate 0.95'],
    [
      { 'data-order': 'unique', 'repeat-rate': '0.5' },
      '--repeat-rate has no effect with --data-order unique: it belongs to --data-order repeat',
    ],
    [
      { 'repeat-rate': '0.5', 'zipf-exponent': '1' },
      '--zipf-exponent has no effect with --data-order repeat: it belongs to --data-order zipf',
    ],
    [{ 'repeat-rate': '95' }, 'Cannot read --repeat-rate: must be a share from 0 to 1, such as 0.95: got "95"'],
    [{ 'repeat-rate': '-0.5' }, 'Cannot read --repeat-rate: must be a share from 0 to 1, such as 0.95: got "-0.5"'],
    [{ 'zipf-exponent': '0' }, 'Cannot read --zipf-exponent: must be a number above 0 and at most 10: got "0"'],
    [{ column: 'a,,b' }, 'Cannot read --column: must be names of columns with commas between: got "a,,b"'],
  ])('%j is refused', (given, problem) => {
    expect(problems(given)).toEqual([problem]);
  });

  it('goes with columns that are named', () => {
    expect(read({ column: 'question, answer' }).settings.column).toEqual(['question', 'answer']);
  });
});
