import { spawnSync } from 'node:child_process';
import { describe, it } from 'vitest';

/** Programs that judge our files and that no npm package brings, with the Debian packages that have them. */
const TOOLS = {
  xmllint: 'libxml2-utils',
  promtool: 'prometheus',
  java: 'openjdk-17-jdk-headless libhdrhistogram-java',
} as const;

/**
 * Tests that need such a program. Without it they are skipped, with a line that says what to install; with
 * INTEROP=required, which the CI sets, they fail. `isHere` says whether it is usable where being on the path is not enough.
 */
export function describeWithTool(
  program: keyof typeof TOOLS,
  title: string,
  tests: () => void,
  isHere = () => spawnSync('which', [program]).status === 0,
): void {
  describeWhere(isHere(), title, `needs ${program}: apt-get install ${TOOLS[program]}`, tests);
}

/** Tests that run where what they need is here; `missing` says what it is and how to get it. */
export function describeWhere(isHere: boolean, title: string, missing: string, tests: () => void): void {
  if (isHere) {
    describe(title, tests);
    return;
  }
  if (process.env.INTEROP === 'required') {
    describe(title, () => {
      it('has what it needs', () => {
        throw new Error(`${title} ${missing}`);
      });
    });
    return;
  }
  process.stderr.write(`skipped: ${title}: ${missing}\n`);
  describe.skip(`${title} (${missing})`, tests);
}
