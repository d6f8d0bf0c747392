import { choice, duration, type Flag, FlagProblem, type Flags, onOff, text, whole } from '../flags.js';
import { PATTERNS } from '../patterns/index.js';
import { type Model, type PatternKind, patternFlags } from '../patterns/pattern.js';
import { PROTOCOLS } from '../protocols/index.js';
import type { Spacing } from '../schedule/arrivals.js';
import { LANES } from '../transports/index.js';
import { parseSlo, parseThreshold } from '../verdicts/threshold-language.js';

/** The settings of a run that hold for all patterns and protocols. */
export const RUN_FLAGS = {
  pattern: choice(Object.keys(PATTERNS), { help: 'load pattern', default: 'double-wave' }),
  duration: duration({ short: 'z', help: 'length of the pattern', default: '120s', minUs: 1_000 }),
  'think-time': duration({ help: 'pause of a user between an answer and the next request', default: '300ms' }),
  spacing: {
    arg: 'KIND',
    help: 'how arrivals are spread: uniform, poisson, or gamma:CV with the coefficient of variation of their gaps',
    default: 'uniform',
    parse: parseSpacing,
  },
  'max-in-flight': whole({
    help: 'requests in flight above which one that is due is dropped and counted; less where fewer files may be open',
    default: '10000',
  }),
  pacing: choice(['auto', 'precise', 'frugal'], {
    help: 'how due times are met: precise spins on a core near them, frugal looks every millisecond',
    default: 'auto',
  }),
  warmup: duration({
    help: 'load before the pattern, at its first level: sent, recorded, in no statistic',
    default: '0s',
  }),
  protocol: choice(Object.keys(PROTOCOLS), { help: 'wire contract', default: 'sentiment' }),
  'batch-size': whole({ help: 'items per request', default: '1' }),
  dataset: text({ arg: 'NAME|PATH', help: 'inputs (default tweets for text, digits for tensors)' }),
  column: {
    arg: 'NAME,…',
    help: 'columns of a CSV or JSONL dataset: one has the texts, several make rows (default: the one named text)',
    parse: parseColumns,
  },
  'data-order': choice(['unique', 'shuffle', 'repeat', 'zipf'], {
    help: 'which payload goes out when: each once before any comes again, in one order or in another each time round, a share of repeats, or by popularity',
    default: 'unique',
  }),
  'repeat-rate': {
    arg: 'SHARE',
    help: 'share of requests that repeat one payload, the rest is new: the cache rate of a server with a cache; means --data-order repeat',
    parse: parseShare,
  },
  'zipf-exponent': {
    arg: 'NUMBER',
    help: 'the k-th payload as often as 1 / k^NUMBER (default 1); means --data-order zipf',
    parse: parseExponent,
  },
  seed: whole({ help: 'seed of everything random', min: 0, max: 2 ** 32 - 1, default: '1' }),
  check: text({
    arg: 'none|shape|first|FILE',
    help: 'what of each answer is checked: nothing, its shape, its values against the first answer to the same payload, or against a file of golden answers (labels or values, one per item)',
    default: 'shape',
  }),
  tolerance: {
    arg: 'RATIO',
    help: 'how far a number may be from the right one, in parts of it (of 1 where it is smaller)',
    default: '1e-4',
    parse: parseTolerance,
  },
  'wait-ready': duration({
    help: 'wait so long at most for the server to say that it is ready, before anything is sent',
  }),
  header: {
    arg: "'NAME: VALUE'",
    help: 'header or metadata of every request; may be repeated',
    repeatable: true,
    parse: parseHeader,
  },
  'header-file': text({ arg: 'FILE', help: 'headers from a file, one a line: keeps secrets off the command line' }),
  connections: {
    arg: 'N|fresh',
    short: 'c',
    help: 'connections, opened before the start, or fresh: a new one for each request (default: one per user, or as many as the rate needs)',
    parse: parseConnections,
  },
  transport: choice(LANES, {
    help: 'what carries the requests: our own lanes on bare sockets, or undici and grpc-js',
    default: 'wire',
  }),
  workers: {
    arg: 'N|auto',
    help: 'threads that send, each with its own connections and its share of users or arrivals; auto: one a core but one',
    default: '1',
    parse: parseWorkers,
  },
  insecure: onOff({ help: 'take any certificate of the server: not even its name is checked' }),
  cacert: text({ arg: 'FILE', help: 'certificates (PEM) to trust in place of the ones that come with Node' }),
  cert: text({ arg: 'FILE', help: 'client certificate (PEM) for servers that want one; needs --key' }),
  key: text({ arg: 'FILE', help: 'private key (PEM) of --cert' }),
  timeout: duration({ help: 'deadline of a request', default: '10s', minUs: 1_000 }),
  'stall-timeout': duration({
    help: 'give a streamed answer up that brings nothing new for so long (stream_stall; default: --timeout alone)',
    minUs: 1_000,
  }),
  drain: duration({ help: 'time after the end to send what is late, and then for requests in flight', default: '30s' }),
  threshold: {
    arg: 'EXPR',
    help: "a limit that the run has to meet, such as 'p(95)<200' or 'error_rate<0.01', or exit 99; may be repeated",
    repeatable: true,
    parse: parseThreshold,
  },
  slo: {
    arg: 'EXPR',
    help: "a limit on each request, such as 'latency<200': what meets all of them is good; may be repeated",
    repeatable: true,
    parse: parseSlo,
  },
  'min-samples': whole({
    help: 'windows of a threshold with fewer are skipped; --abort waits for so many',
    default: '20',
  }),
  'no-data': choice(['fail', 'pass'], { help: 'what a threshold without any data does', default: 'fail' }),
  abort: onOff({
    help: 'stop as soon as a threshold is lost, looked at every second over the run so far; what was measured is kept',
  }),
  'abort-after': duration({ help: 'length of the measured run before which --abort stops nothing', default: '10s' }),
  'fail-on-error': onOff({ help: 'the threshold error_rate==0: one failed request is exit 99' }),
  file: text({
    arg: 'FILE',
    short: 'f',
    help: 'spec in YAML or JSON with these names as keys; flags win over it (default: infer-bench.yaml, .yml or .json, where there is one)',
  }),
  out: text({ arg: 'DIR', short: 'o', help: 'run directory (default runs/<time>-<protocol>-<pattern>)' }),
  report: text({
    arg: 'LIST',
    help: 'reports to write beside the data: names as in infer-bench report --help, all, or none (default: those for people)',
  }),
  'max-local-errors': whole({
    min: 0,
    default: '0',
    help: 'failures of this machine (ports, descriptors, memory) that leave a run VALID',
  }),
  'max-cache-hit-rate': {
    arg: 'SHARE',
    help: "share of answers from the server's cache above which a run is INVALID",
    parse: parseShare,
  },
  'require-valid': onOff({ help: 'exit 4 unless the verdict is VALID' }),
  force: onOff({ help: 'replace the run that the directory holds' }),
  'truth-log': text({ arg: 'FILE', help: "the embedded server's own record; sends x-request-id with each request" }),
  'metrics-port': whole({
    arg: 'N',
    help: 'serve /metrics for Prometheus while running; 0: a free port',
    min: 0,
    max: 65_535,
  }),
  'metrics-host': text({ arg: 'HOST', help: 'where --metrics-port listens', default: '127.0.0.1' }),
  otlp: {
    arg: 'URL',
    help: 'send metrics to an OpenTelemetry collector while running (OTLP over HTTP), for example http://127.0.0.1:4318',
    parse: parseCollector,
  },
} as const;

/** The URL of a collector. Secrets go into OTEL_EXPORTER_OTLP_HEADERS: a URL is written to files. */
function parseCollector(word: string): string {
  const url = URL.canParse(word) ? new URL(word) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search) {
    throw new FlagProblem('must be an http:// or https:// URL without user, password and query');
  }
  return word;
}

/** Above this, threads are in each other's way on any machine. */
const MAX_WORKERS = 64;

function parseWorkers(word: string): number | 'auto' {
  const count = Number(word);
  if (word !== 'auto' && !(/^\d+$/.test(word) && count >= 1 && count <= MAX_WORKERS)) {
    throw new FlagProblem(`must be a whole number from 1 to ${MAX_WORKERS}, or auto`);
  }
  return word === 'auto' ? word : count;
}

function parseTolerance(word: string): number {
  const ratio = Number(word);
  if (!/^\d/.test(word) || !(ratio >= 0 && ratio < 1)) {
    throw new FlagProblem('must be a number from 0 to below 1, such as 1e-4');
  }
  return ratio;
}

function parseSpacing(word: string): Spacing {
  if (word === 'uniform' || word === 'poisson') {
    return { kind: word };
  }
  const cv = Number(/^gamma:(\d+(?:\.\d+)?)$/.exec(word)?.[1]);
  if (!(cv > 0 && cv <= 10)) {
    throw new FlagProblem('must be uniform, poisson or gamma:CV with a CV above 0 and at most 10');
  }
  return { kind: 'gamma', cv };
}

function parseColumns(word: string): readonly string[] {
  const names = word.split(',').map((name) => name.trim());
  if (names.some((name) => name === '')) {
    throw new FlagProblem('must be names of columns with commas between');
  }
  return names;
}

function parseShare(word: string): number {
  const share = Number(word);
  if (!/^\d*\.?\d+$/.test(word) || share > 1) {
    throw new FlagProblem('must be a share from 0 to 1, such as 0.95');
  }
  return share;
}

function parseExponent(word: string): number {
  const exponent = Number(word);
  if (!/^\d*\.?\d+$/.test(word) || !(exponent > 0 && exponent <= 10)) {
    throw new FlagProblem('must be a number above 0 and at most 10');
  }
  return exponent;
}

/** How many connections there are, or that each request has its own. */
type Connections = number | 'fresh';

function parseConnections(word: string): Connections {
  const count = Number(word);
  if (word === 'fresh') {
    return word;
  }
  if (!/^\d+$/.test(word) || !Number.isSafeInteger(count) || count < 1) {
    throw new FlagProblem('must be a whole number of at least 1, or fresh');
  }
  return count;
}

/** Headers that belong to the transport. */
const FRAMING: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'te',
  'expect',
  'upgrade',
  'keep-alive',
]);

/** A header as `[name, value]`, the name in lower case. */
export function parseHeader(line: string): readonly [name: string, value: string] {
  const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line);
  if (!match) {
    throw new FlagProblem("must be a header such as 'Name: value'");
  }
  if (FRAMING.has((match[1] as string).toLowerCase())) {
    throw new FlagProblem('must not be a header that frames the message or manages the connection');
  }
  return [(match[1] as string).toLowerCase(), (match[2] as string).trimEnd()];
}

/** The flags that each pattern and each protocol has of its own. */
export const PATTERN_FLAGS: Readonly<Record<string, Flags>> = mapValues(PATTERNS, (kind) => patternFlags(kind));
export const PROTOCOL_FLAGS: Readonly<Record<string, Flags>> = mapValues(PROTOCOLS, ({ flags }) => flags);

/** The flags that have a meaning in one model only. */
export const MODEL_FLAGS: Readonly<Record<Model, Flags>> = {
  closed: { ...merged(mapValues(PATTERNS, levelFlags('closed'))), ...pick('think-time') },
  open: { ...merged(mapValues(PATTERNS, levelFlags('open'))), ...pick('spacing', 'max-in-flight', 'pacing') },
};

/** Every flag of a run, each once. */
export const ALL_FLAGS: Flags = { ...RUN_FLAGS, ...merged(PATTERN_FLAGS), ...merged(PROTOCOL_FLAGS) };

/** All flags of `run` under the headings of its help. */
export const RUN_FLAG_GROUPS: Readonly<Record<string, Flags>> = {
  Load: pick('pattern', 'duration', 'warmup', 'drain'),
  ...Object.fromEntries(Object.entries(PATTERN_FLAGS).map(([name, flags]) => [`Pattern ${name}`, flags])),
  'Closed model (users)': pick('think-time'),
  'Open model (rates)': pick('spacing', 'max-in-flight', 'pacing'),
  Request: {
    ...pick('protocol'),
    ...ownersNamed(PROTOCOL_FLAGS),
    ...pick(
      'batch-size',
      'dataset',
      'column',
      'data-order',
      'repeat-rate',
      'zipf-exponent',
      'seed',
      'check',
      'tolerance',
      'wait-ready',
      'header',
      'header-file',
      'connections',
      'transport',
      'workers',
      'timeout',
      'stall-timeout',
    ),
  },
  Thresholds: pick('threshold', 'slo', 'min-samples', 'no-data', 'abort', 'abort-after', 'fail-on-error'),
  TLS: pick('insecure', 'cacert', 'cert', 'key'),
  Verdict: pick('require-valid', 'max-local-errors', 'max-cache-hit-rate'),
  Files: pick('file', 'out', 'force', 'report', 'truth-log'),
  'While running': pick('metrics-port', 'metrics-host', 'otlp'),
};

function levelFlags(model: Model) {
  return (kind: PatternKind): Flags => Object.fromEntries(Object.values(kind.levels).map((level) => level[model]));
}

function mapValues<In, Out>(
  table: Readonly<Record<string, In>>,
  map: (value: In) => Out,
): Readonly<Record<string, Out>> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, map(value)]));
}

/** The flags of all owners, each name once, whoever's it is. */
function merged(tables: Readonly<Record<string, Flags>>): Flags {
  return Object.assign({}, ...Object.values(tables));
}

/** The same for the help: each with what its owners say of it, and who they are. */
function ownersNamed(tables: Readonly<Record<string, Flags>>): Flags {
  const explain = (name: string, { default: _said, ...flag }: Flag<unknown>): Flag<unknown> => {
    const owners = new Map<string, string[]>();
    const args = new Set<string>();
    for (const [owner, flags] of Object.entries(tables)) {
      const own = flags[name];
      if (own) {
        args.add(own.arg);
        owners.set(saysOf(own), [...(owners.get(saysOf(own)) ?? []), owner]);
      }
    }
    const help = [...owners].map(([says, names]) => `${names.join(', ')}: ${says}`).join('; ');
    return { ...flag, arg: [...args].join('|'), help };
  };
  return Object.fromEntries(Object.entries(merged(tables)).map(([name, flag]) => [name, explain(name, flag)]));
}

function saysOf({ arg, help, default: value }: Flag<unknown>): string {
  return value === undefined || arg === '' ? help : `${help} (default ${value})`;
}

function pick<Name extends keyof typeof RUN_FLAGS>(...names: readonly Name[]): Pick<typeof RUN_FLAGS, Name> {
  return Object.fromEntries(names.map((name) => [name, RUN_FLAGS[name]])) as Pick<typeof RUN_FLAGS, Name>;
}
