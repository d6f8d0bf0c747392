import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { closeAnswering, serverOf } from '../support/answering.js';
import { cli, newDirectory } from '../support/cli.js';

describe('bad input ends with one clear message, the right code and no stack', () => {
  const cwd = newDirectory();
  writeFileSync(join(cwd, 'file'), '');
  writeFileSync(join(cwd, 'empty.csv'), '');
  writeFileSync(join(cwd, 'rows.csv'), '1000,1100,100\n');
  writeFileSync(join(cwd, 'columns.csv'), 'id,question\n1,why\n');
  mkdirSync(join(cwd, 'taken'));
  writeFileSync(join(cwd, 'taken', 'summary.json'), '{}');

  it.concurrent.each<[readonly string[], number, string]>([
    [['run', '--pattrn', 'step'], 2, 'Unknown flag --pattrn (did you mean --pattern?)'],
    [['run', '--duration', '9999999h'], 2, 'Cannot read --duration: must be at most 744h'],
    [['run', '--users', '100000000'], 2, 'Cannot read --users: must be a whole number from 1 to 60000'],
    [['run', '--header', 'Transfer-Encoding: chunked'], 2, 'must not be a header that frames the message'],
    [['run', '--out', '/proc/infer-bench', '--duration', '1s'], 5, 'Cannot make --out /proc/infer-bench'],
    [
      ['percentile', 'rows.csv', '--out', './rows.csv'],
      2,
      'Cannot write --out ./rows.csv: it is one of the files to read',
    ],
    [['run', '--rate', '5', '--users', '3'], 2, 'Cannot combine --users and --rate'],
    [['run', '--connections', '0'], 2, 'Cannot read --connections: must be a whole number of at least 1'],
    [['run', '--pattern', 'waves'], 2, 'Cannot read --pattern: must be one of'],
    [['run', '--peak-two', '1'], 2, '--peak-two must be >= --min-users'],
    [['run', '--duration', '0s'], 2, 'Cannot read --duration: must be at least 1ms'],
    [['run', '--duration', '-5s'], 2, 'Cannot read --duration: must be a duration'],
    [['run', '--dataset', 'none.csv'], 2, 'Cannot read dataset none.csv: no such file or directory'],
    [['run', '--dataset', 'empty.csv'], 2, 'empty.csv: The dataset is empty'],
    [
      ['run', '--dataset', 'columns.csv', '--column', 'questions'],
      2,
      'columns.csv:1: No column "questions" (did you mean question?): the columns are id, question',
    ],
    [['run', '--dataset', 'taken'], 2, 'Cannot use --dataset taken with --protocol sentiment'],
    [['run', '--data-order', 'repeat'], 2, '--data-order repeat needs --repeat-rate'],
    [['run', '--dataset', 'digits'], 2, 'Cannot use --dataset digits with --protocol sentiment'],
    [['run', 'http://127.0.0.1:1', '--duration', '1s'], 3, 'Cannot reach 127.0.0.1:1: connection refused'],
    [['run', 'http://does-not-exist.invalid', '--duration', '1s'], 3, 'Cannot reach does-not-exist.invalid:80'],
    [['run', '--out', 'taken'], 2, 'Cannot write --out taken: it holds a run already (summary.json)'],
    [
      ['run', '--out', 'file/below', '--duration', '1s'],
      5,
      'Cannot make --out file/below: a part of the path is not a directory',
    ],
    [
      ['run', '--truth-log', 'rows.csv', '--duration', '1s'],
      2,
      'rows.csv: exists already\nhint: give a new file in a directory that exists',
    ],
    [['rnu'], 2, 'Unknown command: rnu (did you mean run?)'],
    [['--verbose'], 2, 'Unknown flag before the command: --verbose'],
    [['serve', 'sentimental'], 2, 'sentimental'],
  ])('%j: exit %d', async (words, code, message) => {
    const end = await cli(words, { cwd });
    expect(end.stderr).toContain(message);
    expect(end.code).toBe(code);
    expect(end.stderr).not.toMatch(/^ {4}at /m);
    expect(end.stdout).toBe('');
    expect(existsSync(join(cwd, 'runs'))).toBe(false);
  });

  it('a server that speaks something else leaves no directory, and the run that --force would replace', async () => {
    const { port } = new URL(await serverOf((_request, response) => response.end('{}')));
    const here = newDirectory();
    mkdirSync(join(here, 'old'));
    writeFileSync(join(here, 'old', 'summary.json'), 'the old one');
    for (const [scheme, protocol, problem, ...more] of [
      ['https', 'sentiment', 'the server does not speak TLS'],
      ['https', 'oip-rest', 'the server does not speak TLS', '--model', 'mnist'],
      ['grpc', 'oip-grpc', 'Not HTTP/2: an answer of HTTP/1'],
      ['grpcs', 'grpc', 'the server does not speak TLS', '--call', 'a.B/C'],
    ] as const) {
      const url = `${scheme}://127.0.0.1:${port}`;
      const words = ['run', url, '--protocol', protocol, ...more, '--duration', '1s', '--out'];
      const fresh = await cli([...words, 'new'], { cwd: here });
      expect(fresh.stderr).toContain(`127.0.0.1:${port}: ${problem}\nhint: `);
      expect([fresh.code, existsSync(join(here, 'new'))]).toEqual([3, false]);
      expect((await cli([...words, 'old', '--force'], { cwd: here })).code).toBe(3);
      expect(readFileSync(join(here, 'old', 'summary.json'), 'utf8')).toBe('the old one');
    }
    closeAnswering();
  });

  it('several problems are reported together', async () => {
    const { stderr, code } = await cli(['run', '--pattrn', 'x', '--users', '3x', '--seed', 'x'], { cwd });
    expect(code).toBe(2);
    expect(stderr.match(/^error: /gm)?.length).toBe(3);
  });

  it('--force replaces a run, and that alone', async () => {
    const here = newDirectory();
    const words = ['run', '--pattern', 'constant', '--duration', '1s', '--out', 'r', '--quiet'];
    expect((await cli(words, { cwd: here })).code).toBe(0);
    writeFileSync(join(here, 'r', 'notes.txt'), 'mine');
    expect((await cli(words, { cwd: here })).code).toBe(2);
    const again = await cli([...words, '--force'], { cwd: here });
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(readFileSync(join(here, 'r', 'notes.txt'), 'utf8')).toBe('mine');
  });
});
