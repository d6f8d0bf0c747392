import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Step {
  readonly id?: string;
  readonly name: string;
  readonly uses?: string;
  readonly shell?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly if?: string;
}

const text = readFileSync(join(ROOT, 'action.yml'), 'utf8');
/** `action.yml`. */
export const action = parse(text) as {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
};

/** The bash of an npx that notes the words, prints a summary, and ends as it is told. */
export function toldNpx(code: number, summary: string): string {
  return `echo ${Buffer.from(summary).toString('base64')} | base64 -d\nexit ${code}\n`;
}

/** Puts an npx into a directory, for its words and then the given bash; returns a PATH that finds it, and its last words. */
export function fakeNpx(directory: string, npx: string) {
  const path = join(directory, 'npx');
  const words = join(directory, 'words');
  writeFileSync(path, `#!/usr/bin/env bash\nprintf '%s\\n' "$@" > '${words}'\n${npx}`, { mode: 0o755 });
  return {
    PATH: `${directory}:${process.env.PATH}`,
    words: () => readFileSync(words, 'utf8').trimEnd().split('\n'),
  };
}

/**
 * Runs the shell steps of the action as GitHub's runner does, one after the other, until one fails, in a new directory.
 * `npx` is the bash that stands in for npx, with the words of its command line.
 */
export function runAction(inputs: Readonly<Record<string, string>>, npx: string) {
  const directory = mkdtempSync(join(tmpdir(), 'infer-bench-action-'));
  const file = (name: string, content = '') => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const { PATH, words } = fakeNpx(directory, npx);
  const env: Record<string, string> = {
    PATH,
    RUNNER_TEMP: directory,
    GITHUB_ACTIONS: 'true',
    GITHUB_OUTPUT: file('output'),
    GITHUB_STEP_SUMMARY: file('step-summary'),
    HOME: directory,
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
  let shown = '';
  for (const step of action.runs.steps.filter(({ run }) => run !== undefined)) {
    const path = file('step.sh', step.run);
    const stepEnv = Object.entries(step.env ?? {}).map(([name, value]) => [name, resolved(String(value))]);
    const end = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', path], {
      cwd: directory,
      env: { ...env, ...Object.fromEntries(stepEnv) },
      encoding: 'utf8',
    });
    status = end.status;
    shown += end.stdout + end.stderr;
    if (status !== 0) {
      break;
    }
  }
  return {
    status,
    outputs: outputs(),
    page: readFileSync(join(directory, 'step-summary'), 'utf8'),
    /** What the job's log shows. */
    shown,
    directory,
    words,
    files: readdirSync(directory),
  };
}
