import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tellGithub } from '../../../src/commands/github.js';
import { markdown } from '../../../src/reports/markdown.js';
import { RUNS } from '../../contract/reporter.js';

const results = RUNS['thresholds of every state']!;

function told(env: Readonly<Record<string, string>>): string {
  let stderr = '';
  tellGithub({ env, stderr: { write: (text) => (stderr += text) } }, results);
  return stderr;
}

describe('a run in a workflow of GitHub', () => {
  it('says nothing outside of one', () => {
    expect(told({})).toBe('');
  });

  it('annotates the job', () => {
    expect(told({ GITHUB_ACTIONS: 'true' })).toMatch(/^::error title=/);
  });

  it('appends its page to the job summary', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'infer-bench-github-')), 'summary.md');
    writeFileSync(path, 'before\n');
    expect(told({ GITHUB_STEP_SUMMARY: path })).toBe('');
    expect(readFileSync(path, 'utf8')).toBe(`before\n${markdown(results)}\n`);
  });

  it('fails where the summary cannot be written', () => {
    expect(() => told({ GITHUB_STEP_SUMMARY: '/nowhere/summary.md' })).toThrow(
      'Cannot write $GITHUB_STEP_SUMMARY (/nowhere/summary.md)',
    );
  });
});
