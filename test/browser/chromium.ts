import { existsSync } from 'node:fs';
import { describe, it } from 'vitest';

/** Debian's own browser: none is downloaded. */
export const CHROMIUM = '/usr/bin/chromium';

/** Tests in a browser. Without it they are skipped with a line that says what to install; with INTEROP=required they fail. */
export function describeInChromium(title: string, tests: () => void): void {
  const missing = 'needs chromium: apt-get install chromium';
  if (existsSync(CHROMIUM)) {
    describe(title, tests);
  } else if (process.env.INTEROP === 'required') {
    describe(title, () => {
      it('has what it needs', () => {
        throw new Error(`${title} ${missing}`);
      });
    });
  } else {
    process.stderr.write(`skipped: ${title}: ${missing}\n`);
    describe.skip(`${title} (${missing})`, tests);
  }
}
