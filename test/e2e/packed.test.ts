import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { newDirectory, readRun } from '../support/cli.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** As a user's machine has it: none of the variables that npm gives to what it runs. */
const ENV = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_')));

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** The package as it is published, installed in an empty directory. */
let packed: Packed;
let home: string;

function bench(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawnSync('npx', ['--no-install', 'infer-bench', ...words], {
    cwd: home,
    env: { ...ENV, NO_COLOR: '1', ...env },
    encoding: 'utf8',
  });
}

beforeAll(() => {
  home = newDirectory();
  // The tests run what was built; packing must not build it again under the feet of the other tests.
  const told = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', home], {
    cwd: ROOT,
    env: ENV,
    encoding: 'utf8',
  });
  packed = JSON.parse(told)[0];
  writeFileSync(join(home, 'package.json'), '{"private":true}');
  execFileSync(
    'npm',
    ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', join(home, packed.filename)],
    { cwd: home, env: ENV, stdio: 'pipe' },
  );
}, 180_000);

describe('the packed package', () => {
  it('holds what is needed to run and to read, and nothing else', () => {
    const tops = new Set(packed.files.map(({ path }) => path.split('/')[0]));
    expect([...tops].sort()).toEqual(
      [
        ...['ARCHITECTURE.md', 'CHANGELOG.md', 'LICENSE', 'METHODOLOGY.md', 'README.md'],
        ...['bin', 'datasets', 'dist', 'examples', 'models', 'package.json', 'protos', 'schemas'],
      ].sort(),
    );
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toContain('dist/samples/rows.wasm');
    expect(paths).toContain('schemas/summary.schema.json');
    expect(paths.filter((path) => /\.test\.|(^|\/)\.|runs\//.test(path))).toEqual([]);
    expect(packed.size).toBeLessThan(3_000_000);
  });

  it('installs without dependencies of development', () => {
    const installed = readdirSync(join(home, 'node_modules'));
    expect(installed).toContain('infer-bench');
    expect(installed).not.toContain('vitest');
  });

  it('runs against its embedded server', () => {
    const end = bench(['run', '--pattern', 'constant', '--users', '3', '--duration', '2s', '--out', 'first']);
    expect(end.stderr).not.toContain('error');
    expect(end.stdout).toMatch(/^(VALID|SUSPECT) {2}sentiment/);
    expect(end.status).toBe(0);
    expect(readRun(join(home, 'first')).summary.counts.ok).toBeGreaterThan(5);
  });

  it('fails with 99 where a threshold is not met, and writes the job summary', () => {
    const page = join(home, 'page.md');
    const end = bench(
      [
        ...[
          'run',
          '--pattern',
          'constant',
          '--users',
          '3',
          '--think-time',
          '0s',
          '--duration',
          '3s',
          '--out',
          'second',
        ],
        ...['--threshold', 'p(50)<0.001'],
      ],
      { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: page },
    );
    expect(end.stderr).toMatch(/^::error title=Threshold fail%3A p\(50\)<0\.001::/m);
    expect(readFileSync(page, 'utf8')).toContain('| `p(50)<0.001` |');
    expect(existsSync(join(home, 'second', 'summary.json'))).toBe(true);
    expect(end.status).toBe(99);
  });

  it('says what --otlp needs beside it', () => {
    const end = bench(['run', '--users', '1', '--duration', '1s', '--otlp', 'http://127.0.0.1:1', '--out', 'third']);
    expect(end.stderr).toContain("error: Cannot use --otlp: OpenTelemetry's packages are not installed");
    expect(end.stderr).toContain(
      'hint: npm install @opentelemetry/sdk-metrics @opentelemetry/exporter-metrics-otlp-http; with npx: npx -p ',
    );
    expect(end.status).toBe(2);
  });

  it('brings the schema that its summaries are valid by', () => {
    const json = (path: string) => JSON.parse(readFileSync(join(home, path), 'utf8'));
    const validate = new Ajv2020({ allowUnionTypes: true }).compile(
      json('node_modules/infer-bench/schemas/summary.schema.json'),
    );
    for (const run of ['first', 'second']) {
      validate(json(`${run}/summary.json`));
      expect(validate.errors, run).toBeNull();
    }
  });
});
