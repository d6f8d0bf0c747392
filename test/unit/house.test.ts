import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The invariants of ARCHITECTURE.md that are absences and that no import shows. */
const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path: relative(SRC, join(SRC, path)), code: readFileSync(join(SRC, path), 'utf8') }));

const RULES = [
  [
    'only clock.ts reads a clock',
    /\bDate\.now\(|\bperformance\.(?!eventLoopUtilization)|\bhrtime\b|new Date\(\)/,
    ['clock.ts'],
  ],
  ['only clock.ts and the server set timers', /\b(setTimeout|setInterval)\(/, ['clock.ts', 'server/']],
  ['nothing makes randomness but random.ts', /Math\.random\(|randomBytes\(|randomUUID\(/, []],
  ['only main.ts ends the process', /process\.exit\(|process\.exitCode/, ['main.ts']],
  [
    'only main.ts touches the standard streams',
    /process\.(stdin|stdout|stderr|argv|env|cwd)\b|console\.(log|error|warn|info)/,
    ['main.ts'],
  ],
  ['two percentiles are never averaged', /percentileUs\([^)]*\)\s*\+|\+\s*[\w.]*percentileUs\(/, []],
] as const;

describe('the house', () => {
  it('has sources to look at', () => {
    expect(sources.length).toBeGreaterThan(40);
  });

  it.each(RULES)('%s', (_rule, pattern, allowed) => {
    const offenders = sources.filter(
      ({ path, code }) => !allowed.some((one) => path.startsWith(one)) && pattern.test(code),
    );
    expect(offenders.map(({ path }) => path)).toEqual([]);
  });
});
