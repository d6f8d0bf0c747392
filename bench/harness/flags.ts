/** Command lines of `infer-bench run` read in this process, for what has no command. */
import { systemClock } from '../../src/clock.js';
import { type Rig, rigOf } from '../../src/spec/rig.js';
import { type RunSpec, readRunSpec } from '../../src/spec/run-spec.js';

/** The spec and the rig of an URL and flags, each flag with a value. */
export async function rigFor(args: readonly string[]): Promise<{ readonly spec: RunSpec; readonly rig: Rig }> {
  const [url, ...words] = args as [string, ...string[]];
  const given = new Map<string, string[]>();
  for (let index = 0; index < words.length; index += 2) {
    given.set((words[index] as string).replace(/^--/, ''), [words[index + 1] as string]);
  }
  const cwd = process.cwd();
  const spec = readRunSpec({ operands: [url], given, problems: [], cwd });
  return { spec, rig: await rigOf(spec, cwd, systemClock()) };
}
