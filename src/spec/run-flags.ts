import { choice, duration, FlagProblem, type Flags, onOff, text, whole } from '../flags.js';
import { PATTERNS } from '../patterns/index.js';
import { PROTOCOLS } from '../protocols/index.js';

/** The settings of a run that hold for all patterns and protocols. */
export const RUN_FLAGS = {
  pattern: choice(Object.keys(PATTERNS), { help: 'load pattern', default: 'double-wave' }),
  duration: duration({ short: 'z', help: 'length of the pattern', default: '120s', minUs: 1_000 }),
  'think-time': duration({ help: 'pause of a user between an answer and the next request', default: '300ms' }),
  protocol: choice(Object.keys(PROTOCOLS), { help: 'wire contract', default: 'sentiment' }),
  'batch-size': whole({ help: 'items per request', default: '1' }),
  dataset: text({ arg: 'NAME|PATH', help: 'inputs (default tweets for text, digits for tensors)' }),
  seed: whole({ help: 'seed of everything random', min: 0, max: 2 ** 32 - 1, default: '1' }),
  check: choice(['none', 'shape'], {
    help: 'what of each answer is checked',
    default: 'shape',
  }),
  header: {
    arg: "'NAME: VALUE'",
    help: 'header or metadata of every request; may be repeated',
    repeatable: true,
    parse: parseHeader,
  },
  'header-file': text({ arg: 'FILE', help: 'headers from a file, one a line: keeps secrets off the command line' }),
  timeout: duration({ help: 'deadline of a request', default: '10s', minUs: 1_000 }),
  drain: duration({ help: 'time for requests in flight at the end', default: '30s' }),
  file: text({ arg: 'FILE', short: 'f', help: 'spec in YAML or JSON with these names as keys; flags win over it' }),
  out: text({ arg: 'DIR', short: 'o', help: 'run directory (default runs/<time>-<protocol>-<pattern>)' }),
  force: onOff({ help: 'replace the run that the directory holds' }),
  'truth-log': text({ arg: 'FILE', help: "the embedded server's own record; sends x-request-id with each request" }),
} as const;

/** A header as `[name, value]`, the name in lower case. */
export function parseHeader(line: string): readonly [name: string, value: string] {
  const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\uffff]*)$/.exec(line);
  if (!match) {
    throw new FlagProblem("must be a header such as 'Name: value'");
  }
  return [(match[1] as string).toLowerCase(), (match[2] as string).trimEnd()];
}

type Named = { readonly flags: Flags };

/** The flags that some pattern or protocol has, each once. */
export function flagsOf(kinds: Readonly<Record<string, Named>>): Flags {
  return Object.assign({}, ...Object.values(kinds).map(({ flags }) => flags));
}

const pick = <Name extends keyof typeof RUN_FLAGS>(...names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, RUN_FLAGS[name]])) as Pick<typeof RUN_FLAGS, Name>;

/** All flags of `run` under the headings of its help. */
export const RUN_FLAG_GROUPS: Readonly<Record<string, Flags>> = {
  Load: { ...pick('pattern', 'duration', 'think-time') },
  ...Object.fromEntries(Object.entries(PATTERNS).map(([name, { flags }]) => [`Pattern ${name}`, flags])),
  Request: {
    ...pick('protocol'),
    ...flagsOf(PROTOCOLS),
    ...pick('batch-size', 'dataset', 'seed', 'check', 'header', 'header-file', 'timeout', 'drain'),
  },
  Files: { ...pick('file', 'out', 'force', 'truth-log') },
};
