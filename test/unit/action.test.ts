import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { json } from '../../src/reports/json.js';
import { RUNS } from '../contract/reporter.js';
import { action, runAction, toldNpx } from '../support/action.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const told = (
  inputs: Readonly<Record<string, string>>,
  { code = 0, summary = json(RUNS['a good run']!.report) } = {},
) => runAction(inputs, toldNpx(code, summary));

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
    const { words, status } = told({
      spec: 'bench spec.yaml',
      args: 'http://h:1/?a=$(id)\n\n--threshold\np(95)<200 over 10s\n',
    });
    expect(status).toBe(0);
    expect(words()).toEqual([
      '--yes',
      `infer-bench@${action.inputs.version?.default}`,
      ...['run', '--out', 'infer-bench-run', '--report', 'all', '--json', '-f', 'bench spec.yaml'],
      ...['http://h:1/?a=$(id)', '--threshold', 'p(95)<200 over 10s'],
    ]);
  });

  it('takes no input for code', () => {
    const code = '"; touch pwned; $(touch pwned) `touch pwned` #';
    const { files, words } = told({ spec: code, args: code, out: code, version: code });
    expect(files).not.toContain('pwned');
    expect(words()).toContain(code);
  });

  it('passes with a run that passed, and tells what it found', () => {
    const { status, outputs, page } = told({ 'working-directory': 'sub' });
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

  it('keeps the run directory whatever came of the run, also of a cancelled job', () => {
    const upload = action.runs.steps.find(({ uses }) => uses?.startsWith('actions/upload-artifact'));
    expect(upload?.if).toMatch(/^\$\{\{ always\(\) && inputs\.upload == 'true' \}\}$/);
    const { outputs, status } = runAction({ out: '/data/runs/1' }, 'kill -9 $PPID\n');
    expect(status).not.toBe(0);
    expect(outputs).toEqual({ report: '/data/runs/1' });
  });

  it.each([
    [99, 'A threshold was not met'],
    [4, 'The measurement is INVALID'],
    [130, 'interrupted'],
    [1, 'exit code 1'],
  ])('fails with exit code %i, its outputs set', (code, sentence) => {
    const { status, outputs, page, shown } = told({}, { code });
    expect(status).toBe(code);
    // The program itself has told GitHub why.
    expect(shown).toBe('');
    expect(outputs).toMatchObject({ code: String(code), passed: 'false', verdict: 'VALID' });
    expect(page).toContain(sentence);
  });

  it.each([
    [3, 'never reachable'],
    [2, 'command line or the spec'],
  ])('fails with exit code %i where there was no run', (code, sentence) => {
    const { status, outputs, page, shown } = told({}, { code, summary: '' });
    expect(status).toBe(code);
    expect(shown).toMatch(/^::error title=infer-bench::/);
    expect(shown).toContain(sentence);
    expect(outputs).toMatchObject({ passed: 'false', verdict: '', p99_ms: '' });
    expect(page).toContain(sentence);
  });

  it('has a value for every output that it names', () => {
    const { outputs } = told({});
    for (const { value } of Object.values(action.outputs)) {
      expect(Object.keys(outputs)).toContain(/outputs\.(\w+)/.exec(value)?.[1]);
    }
  });
});
