import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { fakeNpx, runAction } from '../support/action.js';
import { cli, newDirectory, PROGRAM } from '../support/cli.js';

/** An npx that runs the program that was built, without the words that name its package. */
const BUILT = `shift 2\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`;
/** The same against a server that answers after every timeout. */
const TOO_SLOW = `'${process.execPath}' '${PROGRAM}' serve --port 0 --service-time 2s --json > server.json 2> server.log &
trap "kill $!" EXIT
until [[ -s server.json ]]; do sleep 0.05; done
shift 2
'${process.execPath}' '${PROGRAM}' "$@" "$(grep -o 'http://[0-9.:]*' server.json | head -1)"
`;
const LOAD = ['--pattern', 'constant', '--users', '2', '--think-time', '5ms', '--duration', '2s'];

describe('the GitHub action with the program itself', () => {
  it('fails with 99 where a threshold is missed: page, annotation, outputs and files', () => {
    const args = [...LOAD, '--threshold', 'p(50)<0.001 over 1s', '--threshold', 'error_rate < 0.5'].join('\n');
    const { status, outputs, page, shown, directory } = runAction({ args, out: 'a run' }, BUILT);
    expect(status).toBe(99);
    expect(outputs).toMatchObject({ code: '99', passed: 'false', report: './a run' });
    expect(outputs.verdict).toMatch(/^(VALID|SUSPECT)$/);
    expect(Number(outputs.p99_ms)).toBeGreaterThan(0);
    expect(page).toContain('| ❌ fail | `p(50)<0.001 over 1s` |');
    expect(page).toContain('| ✅ pass | `error_rate < 0.5` |');
    expect(page.trimEnd()).toMatch(/\n\*\*infer-bench:\*\* A threshold was not met: see the table of thresholds\.$/);
    expect(shown).toMatch(/^::error title=Threshold fail%3A p\(50\)<0\.001 over 1s::/m);
    expect(shown).not.toContain('::error title=infer-bench::');
    for (const file of ['samples.csv', 'summary.json', 'report.html', 'junit.xml', 'metrics.prom']) {
      expect(existsSync(join(directory, 'a run', file)), file).toBe(true);
    }
  });

  it('fails with 2 where the spec is missing, and says so on the page', () => {
    const { status, outputs, page, shown } = runAction({ spec: "it's no spec.yaml" }, BUILT);
    expect(status).toBe(2);
    expect(outputs).toMatchObject({ code: '2', passed: 'false', verdict: '' });
    expect(shown).toContain("error: Cannot read --file it's no spec.yaml: no such file or directory");
    expect(shown).toContain('::error title=infer-bench::The command line or the spec is wrong');
    expect(page).toBe('**infer-bench:** The command line or the spec is wrong; nothing was sent.\n');
  });

  it('fails with 4 where the run is INVALID', () => {
    const args = ['--rate', '20', '--duration', '1s', '--timeout', '20ms'].join('\n');
    const { status, outputs, shown } = runAction({ args }, TOO_SLOW);
    expect(outputs).toMatchObject({ code: '4', passed: 'false', verdict: 'INVALID' });
    expect(status).toBe(4);
    expect(shown).toMatch(/^::error title=INVALID%3A no_success::/m);
  });
});

describe('the examples for CI', () => {
  const example = (name: string) =>
    parse(readFileSync(fileURLToPath(new URL(`../../examples/ci/${name}`, import.meta.url)), 'utf8'));
  /** Their words with a server that is not there: 3, after all of them were understood. */
  const withoutServer = (words: readonly string[]) =>
    cli(
      words
        .map((word) => word.replace(/^http:\/\/[\w.]+:8000$/, 'http://127.0.0.1:1'))
        .map((word, index, all) => (all[index - 1] === '--wait-ready' ? '1s' : word)),
    );

  it('are understood, as words of the action', async () => {
    const { steps } = example('github.yml').jobs.benchmark;
    const bench = steps.find(({ id }: { readonly id?: string }) => id === 'bench');
    const { words } = runAction(bench.with, 'exit 3\n');
    expect((await withoutServer(words().slice(2))).code).toBe(3);
  });

  it('are understood, as a command line of GitLab, and keep what it writes', async () => {
    const { script, artifacts } = example('gitlab-ci.yml').benchmark;
    const { PATH, words } = fakeNpx(newDirectory(), '');
    expect(spawnSync('bash', ['-c', script[0]], { env: { PATH } }).status).toBe(0);
    const told = words().slice(2);
    expect((await withoutServer(told)).code).toBe(3);
    const out = told[told.indexOf('--out') + 1];
    expect(artifacts).toMatchObject({ when: 'always', paths: [`${out}/`], reports: { junit: `${out}/junit.xml` } });
    expect(told[told.indexOf('--report') + 1]?.split(',')).toContain('junit');
  });
});
