import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileProblem } from '../errors.js';
import type { Flags } from '../flags.js';

/** A body that is larger is no inference request of this tool. */
const MAX_CONTENT_BYTES = 64 * 2 ** 20;

export interface FlagFilesInput {
  readonly flags: Flags;
  readonly values: Readonly<Record<string, unknown>>;
  readonly cwd: string;
  readonly problems: string[];
  readonly nameOf: (name: string) => string;
}

/**
 * The values of flags with those that stand for files resolved: paths made absolute, `@FILE` read, as text where it is
 * UTF-8 and as bytes where not. What cannot be read goes to `problems`.
 */
export function withFiles({ flags, values, cwd, problems, nameOf }: FlagFilesInput): Readonly<Record<string, unknown>> {
  const resolved = Object.entries(values).map(([name, value]) => {
    const holds = flags[name]?.holds;
    if (holds === 'path') {
      return [name, Array.isArray(value) ? value.map((each) => absolute(each)) : absolute(value)];
    }
    const path = holds === 'content' && typeof value === 'string' && value.startsWith('@') ? value.slice(1) : undefined;
    return [name, path === undefined ? value : contentOf(name, path)];
  });
  return Object.fromEntries(resolved);

  function absolute(value: unknown): unknown {
    return typeof value === 'string' ? resolve(cwd, value) : value;
  }

  function contentOf(name: string, path: string): unknown {
    try {
      const { size } = statSync(resolve(cwd, path));
      if (size > MAX_CONTENT_BYTES) {
        problems.push(`Cannot read ${nameOf(name)} @${path}: got ${size} bytes, wanted at most ${MAX_CONTENT_BYTES}`);
        return undefined;
      }
      const bytes = readFileSync(resolve(cwd, path));
      return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
    } catch (error) {
      problems.push(`Cannot read ${nameOf(name)} @${path}: ${fileProblem(error)}`);
      return undefined;
    }
  }
}
