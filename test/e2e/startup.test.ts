import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PROGRAM } from '../support/cli.js';

/** Notes every module that is loaded, whichever way. */
const NOTE_IMPORTS = `
import { appendFileSync } from 'node:fs';
export async function load(url, context, next) { appendFileSync(process.env.LOADED_MODULES, url + '\\n'); return next(url, context); }
`;

/** The packages that a command line loads, and whether it loads the heavy rooms of the tool itself. */
function loaded(words: readonly string[]): { readonly packages: readonly string[]; readonly rooms: readonly string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'infer-bench-startup-'));
  const [hooks, register, list] = ['hooks.mjs', 'register.mjs', 'loaded.txt'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(hooks, NOTE_IMPORTS);
  writeFileSync(
    register,
    `import { register } from 'node:module'; register(${JSON.stringify(pathToFileURL(hooks).href)});`,
  );
  execFileSync(process.execPath, ['--import', register, PROGRAM, ...words], {
    env: { ...process.env, LOADED_MODULES: list },
    stdio: 'pipe',
  });
  const urls = execFileSync('cat', [list], { encoding: 'utf8' }).split('\n');
  const unique = (names: readonly (string | undefined)[]) =>
    [...new Set(names.filter((name) => name !== undefined))].sort();
  return {
    packages: unique(urls.map((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1])),
    rooms: unique(urls.map((url) => /dist\/(\w+)\//.exec(url)?.[1])),
  };
}

describe('what is loaded', () => {
  it('for --version is commander alone', () => {
    expect(loaded(['--version'])).toEqual({ packages: ['commander'], rooms: ['commands'] });
  });

  it('for run --help is no library but commander', () => {
    expect(loaded(['run', '--help']).packages).toEqual(['commander']);
  });
});
