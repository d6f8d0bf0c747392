import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cli, newDirectory, PROGRAM } from '../support/cli.js';

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;

it.skipIf(!hasPrlimit)('more users than open files is refused before anything is sent (needs prlimit)', () => {
  const cwd = newDirectory();
  const words = ['run', '--users', '300', '--duration', '1s', '--out', 'run'];
  const { status, stderr, stdout } = spawnSync('prlimit', ['--nofile=256', process.execPath, PROGRAM, ...words], {
    cwd,
    encoding: 'utf8',
  });
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toBe(
    'error: Cannot open 300 connections (--users): this process may have 256 open files, 64 of them reserved\n' +
      'hint: raise it with ulimit -n 364, or lower --users\n',
  );
  expect(existsSync(join(cwd, 'run'))).toBe(false);
});

it('a plan that no memory holds is refused before it is made', async () => {
  const { code, stderr } = await cli(['run', 'http://127.0.0.1:9', '--rate', '10000000', '--duration', '744h']);
  expect(code).toBe(2);
  expect(stderr).toContain('error: Cannot plan about 26,784,000,000,000 requests: their due times take 214 TB');
});
