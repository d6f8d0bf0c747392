import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { json } from '../../src/reports/json.js';
import { RUNS } from '../contract/reporter.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Step {
  readonly id?: string;
  readonly name: string;
  readonly uses?: string;
  readonly shell?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const text = readFileSync(join(ROOT, 'action.yml'), 'utf8');
const action = parse(text) as {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
};

/** Stands in for npx: notes the words, prints a summary, writes to stderr as the program does, and ends as it is told. */
const NPX = `#!/usr/bin/env bash
printf '%s\\n' "$@" > "$FAKE_WORDS"
cat "$FAKE_SUMMARY"
exit "$FAKE_CODE"
`;

/** Runs the shell steps of the action as GitHub's runner does, one after the other, until one fails. */
function runAction(
  inputs: Readonly<Record<string, string>>,
  { code = 0, summary = json(RUNS['a good run']!.report) } = {},
) {
  const directory = mkdtempSync(join(tmpdir(), 'infer-bench-action-'));
  const file = (name: string, content = '') => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  chmodSync(file('npx', NPX), 0o755);
  const env: Record<string, string> = {
    PATH: `${directory}:${process.env.PATH}`,
    RUNNER_TEMP: directory,
    GITHUB_ACTIONS: 'true',
    GITHUB_OUTPUT: file('output'),
    GITHUB_STEP_SUMMARY: file('step-summary'),
    FAKE_WORDS: file('words'),
    FAKE_SUMMARY: file('fake-summary', summary),
    FAKE_CODE: String(code),
  };
  const outputs = () =>
    Object.fromEntries(
      readFileSync(join(directory, 'output'), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    ) as Readonly<Record<string, string>>;
  const resolved = (value: string) =>
    value.replace(/\$\{\{ (inputs|steps\.run\.outputs)\.([\w-]+) \}\}/g, (_all, from, name) =>
      from === 'inputs' ? (inputs[name] ?? (action.inputs[name] as { default: string }).default) : outputs()[name]!,
    );
  let status: number | null = 0;
  for (const step of action.runs.steps.filter(({ run }) => run !== undefined)) {
    const script = file('step.sh', step.run);
    const stepEnv = Object.entries(step.env ?? {}).map(([name, value]) => [name, resolved(String(value))]);
    const end = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
      cwd: directory,
      env: { ...env, ...Object.fromEntries(stepEnv) },
      encoding: 'utf8',
    });
    status = end.status;
    if (status !== 0) {
      break;
    }
  }
  return {
    status,
    outputs: outputs(),
    page: readFileSync(join(directory, 'step-summary'), 'utf8'),
    words: readFileSync(join(directory, 'words'), 'utf8').trimEnd().split('\n'),
    files: readdirSync(directory),
  };
}

describe('the GitHub action', () => {
  it('is composite, and its shell lines hold no expression', () => {
    expect(action.runs.using).toBe('composite');
    const shells = action.runs.steps.filter(({ run }) => run !== undefined);
    expect(shells.length).toBeGreaterThan(1);
    for (const { run, shell } of shells) {
      expect(shell).toBe('bash');
      expect(run).not.toContain('${{');
    }
    for (const { uses } of action.runs.steps.filter((step) => step.uses !== undefined)) {
      expect(uses).toMatch(/^actions\/[a-z-]+@v\d+$/);
    }
  });

  it('pins the version of this package, as the examples do', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(action.inputs.version?.default).toBe(version);
    const [github, gitlab] = ['github.yml', 'gitlab-ci.yml'].map((name) =>
      readFileSync(join(ROOT, 'examples/ci', name), 'utf8'),
    );
    expect(parse(github as string).jobs.benchmark.steps[1].with.version).toBe(version);
    expect(parse(gitlab as string).benchmark.script[0]).toContain(`infer-bench@${version} run `);
  });

  it('gives each line of args to infer-bench as one word', () => {
    const { words, status } = runAction({
      spec: 'bench spec.yaml',
      args: 'http://h:1/?a=$(id)\n\n--threshold\np(95)<200 over 10s\n',
    });
    expect(status).toBe(0);
    expect(words).toEqual([
      '--yes',
      `infer-bench@${action.inputs.version?.default}`,
      ...['run', '--out', 'infer-bench-run', '--report', 'all', '--json', '-f', 'bench spec.yaml'],
      ...['http://h:1/?a=$(id)', '--threshold', 'p(95)<200 over 10s'],
    ]);
  });

  it('takes no input for code', () => {
    const code = '"; touch pwned; $(touch pwned) `touch pwned` #';
    const { files, words } = runAction({ spec: code, args: code, out: code, version: code });
    expect(files).not.toContain('pwned');
    expect(words).toContain(code);
  });

  it('passes with a run that passed, and tells what it found', () => {
    const { status, outputs, page } = runAction({ 'working-directory': 'sub' });
    expect(status).toBe(0);
    expect(outputs).toEqual({
      code: '0',
      passed: 'true',
      verdict: 'VALID',
      p99_ms: '44',
      report: 'sub/infer-bench-run',
    });
    expect(page).toBe('**infer-bench:** Passed.\n');
  });

  it.each([
    [99, 'A threshold was not met'],
    [4, 'The measurement is INVALID'],
    [130, 'interrupted'],
    [1, 'exit code 1'],
  ])('fails with exit code %i, its outputs set', (code, sentence) => {
    const { status, outputs, page } = runAction({}, { code });
    expect(status).toBe(code);
    expect(outputs).toMatchObject({ code: String(code), passed: 'false', verdict: 'VALID' });
    expect(page).toContain(sentence);
  });

  it.each([
    [3, 'never reachable'],
    [2, 'command line or the spec'],
  ])('fails with exit code %i where there was no run', (code, sentence) => {
    const { status, outputs, page } = runAction({}, { code, summary: '' });
    expect(status).toBe(code);
    expect(outputs).toMatchObject({ passed: 'false', verdict: '', p99_ms: '' });
    expect(page).toContain(sentence);
  });

  it('has a value for every output that it names', () => {
    const { outputs } = runAction({});
    for (const { value } of Object.values(action.outputs)) {
      expect(Object.keys(outputs)).toContain(/outputs\.(\w+)/.exec(value)?.[1]);
    }
  });
});
