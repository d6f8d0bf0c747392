import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cli, newDirectory, readRun } from '../support/cli.js';
import { expectSound } from '../support/runs.js';

describe('the examples', () => {
  const folder = fileURLToPath(new URL('../../examples', import.meta.url));
  const shorter: Readonly<Record<string, readonly string[]>> = {
    'k6-stages.yaml': ['--stage', '1s:3,1s:0'],
    // A p99 needs more requests than two seconds of a busy machine may have.
    'mlapi-cache-50.yaml': ['--stage', '1s:3,1s:0', '--threshold', 'max<60000'],
    'mlapi-cache-95.yaml': ['--stage', '1s:3,1s:0', '--threshold', 'max<60000'],
    'poisson-two-workers.yaml': ['--duration', '2s', '--warmup', '1s'],
  };

  it.concurrent.each(readdirSync(folder).filter((name) => name.endsWith('.yaml')))('%s runs', async (name) => {
    const cwd = newDirectory();
    const end = await cli(['run', '-f', join(folder, name), '--out', 'r', ...(shorter[name] ?? ['--duration', '2s'])], {
      cwd,
    });
    const run = readRun(join(cwd, 'r'));
    expectSound(end, run);
    expect(run.summary.counts.ok).toBe(run.summary.counts.planned);
  });
});
