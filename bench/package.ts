/**
 * What a user downloads and waits for: the packed package, and its install into an empty directory from a warm cache.
 *
 *     npm run build && npx tsx bench/package.ts [--rounds 5] [--smoke] [--jsonl FILE]
 *
 * The package is packed as it is published and installed with its dependencies, their install scripts and all that is
 * optional; the first install, which is not counted, fills npm's cache. The program that was installed must start. Needs npm,
 * env, and a registry for what is not in the cache.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inDirectory } from './harness/client.js';
import { atMost, bench } from './harness/figures.js';
import { type CommandLine, run } from './harness/processes.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LIMIT_S = 180;
/** What npm runs of a package that is installed. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly unknown[];
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly hasInstallScript?: true }>>;
}

const own = bench('package', { rounds: 5, seconds: 1 });

/** Runs a program with none of the variables that npm gives to what it starts, which would steer the npm in it. */
async function plainly(cwd: string, ...line: CommandLine) {
  const variables = ['HOME', 'PATH'].flatMap((name) => `${name}=${process.env[name] ?? ''}`);
  const { status, stdout, stderr, wallS } = await run(['env', '-i', ...variables, ...line], { cwd, limitS: LIMIT_S });
  if (status !== 0) {
    throw new Error(`${line.join(' ')} ended with ${status}: ${stderr}`);
  }
  return { stdout, wallS };
}

await inDirectory(async (directory) => {
  const told = await plainly(ROOT, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', directory);
  const [packed] = JSON.parse(told.stdout) as readonly [Packed];
  own.figure('packed', [packed.size / 1000], { unit: 'kB' });
  own.figure('unpacked', [packed.unpackedSize / 1000], { unit: 'kB' });
  own.figure('files', [packed.files.length]);

  const { scripts = {} } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  own.figure('install scripts of ours', [INSTALL_SCRIPTS.filter((name) => name in scripts).length], {
    must: atMost(0),
  });

  const tarball = join(directory, packed.filename);
  const installS: number[] = [];
  let home = directory;
  for (let round = -1; round < own.options.rounds; round++) {
    home = join(directory, `home${round}`);
    mkdirSync(home);
    writeFileSync(join(home, 'package.json'), '{"private":true}');
    const { wallS } = await plainly(home, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball);
    if (round >= 0) {
      installS.push(wallS);
    }
  }
  own.figure('install, warm cache', installS, { must: atMost(10), unit: 's' });

  const { packages } = JSON.parse(readFileSync(join(home, 'node_modules/.package-lock.json'), 'utf8')) as Lockfile;
  own.figure('packages installed with it', [Object.keys(packages).length - 1], {
    note: `${Object.values(packages).filter((one) => one.hasInstallScript).length} have an install script`,
  });
  const { stdout: installed } = await plainly(home, 'du', '-sk', 'node_modules');
  own.figure('node_modules', [Number.parseInt(installed, 10) / 1024], { unit: 'MiB' });

  const { stdout: version } = await plainly(home, 'npx', '--no-install', 'infer-bench', '--version');
  own.facts({ npm: (await plainly(home, 'npm', '--version')).stdout.trim(), installed: version.trim() });
});
own.finish();
