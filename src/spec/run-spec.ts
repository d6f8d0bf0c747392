import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { usageError } from '../errors.js';
import { type Flags, type FlagValues, type Given, readFlags } from '../flags.js';
import { PATTERNS } from '../patterns/index.js';
import type { LoadPattern, Model, PatternKind } from '../patterns/pattern.js';
import type { DataOrder } from '../protocols/data-order.js';
import { PROTOCOLS } from '../protocols/index.js';
import type { ProtocolKind } from '../protocols/protocol.js';
import { MASK } from '../text.js';
import { groupDigits } from '../units.js';
import type { ThresholdPlan } from '../verdicts/threshold-plan.js';
import { type Endpoint, readEndpoint } from './endpoint.js';
import { withFiles } from './flag-files.js';
import { readHeaders } from './headers.js';
import { readOrder } from './order.js';
import { ALL_FLAGS, MODEL_FLAGS, PATTERN_FLAGS, PROTOCOL_FLAGS, RUN_FLAGS } from './run-flags.js';
import { readSpecFile, type SpecFile } from './spec-file.js';
import { readThresholds } from './thresholds.js';
import { readTls, type TlsFiles } from './tls.js';

/** A spec of this name in the working directory is used when no other is named. */
const DEFAULT_FILES = ['infer-bench.yaml', 'infer-bench.yml', 'infer-bench.json'];

/** What the user asked for, checked and with all defaults filled in. */
export interface RunSpec {
  /** Absent: the embedded server. */
  readonly endpoint: Endpoint | undefined;
  readonly settings: FlagValues<typeof RUN_FLAGS>;
  /** Users who wait for answers, or requests at a rate. */
  readonly model: Model;
  readonly curve: LoadPattern;
  readonly protocolKind: ProtocolKind;
  /** Values of the flags that the pattern and the protocol have of their own. */
  readonly patternSettings: Readonly<Record<string, unknown>>;
  readonly protocolSettings: Readonly<Record<string, unknown>>;
  readonly datasetName: string;
  readonly order: DataOrder;
  /** All headers, also those of the header file; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsFiles;
  readonly thresholds: ThresholdPlan;
  /** What was given, by name, secrets masked: enough to ask again. */
  readonly asked: Readonly<Record<string, unknown>>;
  /** The spec file that was used. */
  readonly file: string | undefined;
}

const HINT = 'infer-bench run --help lists the flags with examples';

/** The setting that a spec file cannot have, and the one that a saved spec must not repeat: it deletes. */
const NOT_IN_FILES: readonly string[] = ['file'];
const NOT_SAVED: readonly string[] = ['file', 'force'];

export interface RunInput {
  readonly operands: readonly string[];
  readonly given: Given;
  readonly problems: readonly string[];
  readonly cwd: string;
}

/**
 * Makes a spec of the command line and the spec file, flags over file. Throws BenchError('usage') with all problems
 * of both.
 */
export function readRunSpec({ operands, given: flags, problems: found, cwd }: RunInput): RunSpec {
  const problems = [...found];
  const path = fileAsked(flags, cwd);
  const fileFlags: Flags = Object.fromEntries(
    Object.entries(ALL_FLAGS).filter(([name]) => !NOT_IN_FILES.includes(name)),
  );
  const file = path === undefined ? undefined : readSpecFile(path, fileFlags, cwd);
  const given = merge(flags, file);
  const nameOf = (name: string) => (flags.has(name) || !file?.given.has(name) ? `--${name}` : file.placeOf(name));

  const settings = readFlags(RUN_FLAGS, given, problems, nameOf);
  const patternName = given.has('pattern') ? settings.pattern : (impliedPattern(given) ?? settings.pattern);
  const patternKind = PATTERNS[patternName] as PatternKind;
  const protocolKind = PROTOCOLS[settings.protocol] as ProtocolKind;
  if (!patternKind || !protocolKind) {
    // Which other flags belong here depends on these two.
    throw usageError(problems, { hint: HINT });
  }
  const model = readModel(given, problems, nameOf);
  const { levels, own } = readPattern();
  const protocolSettings = withFiles({
    flags: protocolKind.flags,
    values: readFlags(protocolKind.flags, given, problems, nameOf),
    cwd,
    problems,
    nameOf,
  });
  problems.push(
    ...uselessFlags(given, 'pattern', patternName, PATTERN_FLAGS, nameOf),
    ...uselessFlags(given, 'protocol', settings.protocol, PROTOCOL_FLAGS, nameOf),
  );
  if (patternKind.setsDuration && given.has('duration')) {
    problems.push(`${nameOf('duration')} has no effect with --pattern ${patternName}, whose flags set its length`);
  }
  if (problems.length === 0) {
    const found = protocolKind.problems?.(protocolSettings) ?? [];
    problems.push(...found.map((problem) => `Cannot use --protocol ${settings.protocol}: ${problem}`));
  }
  if (settings['batch-size'] > protocolKind.maxBatch) {
    problems.push(
      `Cannot read ${nameOf('batch-size')}: --protocol ${settings.protocol} takes ${mostItems(protocolKind.maxBatch)} per ` +
        `request: got ${settings['batch-size']}`,
    );
  }
  const order = readOrder(settings, given, problems, nameOf);
  const endpoint = readEndpoint({
    operands,
    fileUrl: file?.given.get('url')?.[0],
    protocol: settings.protocol,
    protocolKind,
    problems,
  });
  problems.push(...maskedWords(given, nameOf));
  if (settings.check === 'none' && given.has('expect')) {
    problems.push(`${nameOf('expect')} has no effect with --check none, which reads no answer`);
  }
  if (given.has('metrics-host') && !given.has('metrics-port')) {
    problems.push(`${nameOf('metrics-host')} has no effect without --metrics-port`);
  }
  const headers = readHeaders(settings, cwd, problems);
  const tls = readTls({ settings, endpoint, cwd, problems, nameOf });
  const thresholds = readThresholds(settings, given, problems, nameOf);
  if (problems.length > 0) {
    throw usageError(problems, { hint: HINT });
  }
  return {
    endpoint,
    settings: { ...settings, pattern: patternName, 'data-order': order.kind },
    model,
    curve: patternKind.build({ levels: levels as never, own, model, durationUs: settings.duration }),
    protocolKind,
    patternSettings: { ...namedByFlag(patternKind, model, levels), ...own },
    protocolSettings,
    datasetName: settings.dataset ?? protocolKind.dataset,
    order,
    headers,
    tls,
    thresholds,
    asked: askedFor(endpoint, given),
    file: path,
  };

  /** The pattern's levels in the run's model, and its other flags; what contradicts each other is looked at once each is fine. */
  function readPattern() {
    const before = problems.length;
    const entries = Object.entries(patternKind.levels).map(([key, level]) => [key, level[model]] as const);
    const values = readFlags(Object.fromEntries(entries.map(([, flag]) => flag)), given, problems, nameOf);
    const levels = Object.fromEntries(entries.map(([key, [name]]) => [key, values[name]]));
    const own = readFlags(patternKind.flags, given, problems, nameOf);
    const flagOf = (key: string) => `--${patternKind.levels[key]?.[model][0]}`;
    const missing = Object.keys(levels).filter((key) => levels[key] === undefined);
    if (problems.length === before) {
      const found =
        missing.length > 0
          ? [`it needs ${missing.map(flagOf).join(', ')}`]
          : (patternKind.problems?.(levels as never, flagOf) ?? []);
      problems.push(...found.map((problem) => `Cannot read pattern "${patternName}": ${problem}`));
    }
    return { levels, own };
  }
}

/** The pattern whose flags were given, when none was named: `--rate 100` is a constant rate. */
function impliedPattern(given: Given): string | undefined {
  const owners = Object.keys(PATTERN_FLAGS).filter((name) =>
    Object.keys(PATTERN_FLAGS[name] as Flags).some((flag) => given.has(flag)),
  );
  return owners.length === 1 ? owners[0] : undefined;
}

/** Open when rates were given, closed otherwise; never both. */
function readModel(given: Given, problems: string[], nameOf: (name: string) => string): Model {
  const givenOf = (model: Model) => Object.keys(MODEL_FLAGS[model]).filter((name) => given.has(name));
  const [users, rates] = [givenOf('closed'), givenOf('open')];
  if (users.length > 0 && rates.length > 0) {
    problems.push(
      `Cannot combine ${users.map(nameOf).join(', ')} and ${rates.map(nameOf).join(', ')}: ` +
        'users who wait for answers (closed model) and requests at a rate (open model) are different runs',
    );
  }
  return rates.length > 0 ? 'open' : 'closed';
}

/** The values of a pattern's levels under the names of their flags. */
function namedByFlag(kind: PatternKind, model: Model, levels: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(levels).map(([key, value]) => [kind.levels[key]?.[model][0] as string, value]),
  );
}

function fileAsked(flags: Given, cwd: string): string | undefined {
  const named = flags.get('file')?.at(-1);
  if (typeof named === 'string') {
    return named;
  }
  return DEFAULT_FILES.find((name) => existsSync(resolve(cwd, name)));
}

function merge(flags: Given, file: SpecFile | undefined): Given {
  return new Map<string, readonly (string | true)[]>([...(file?.given ?? []), ...flags]);
}

/** Flags that were given and belong to another pattern or protocol: a typed number that does nothing would be a lie. */
function uselessFlags(
  given: Given,
  what: string,
  chosen: string,
  tables: Readonly<Record<string, Flags>>,
  nameOf: (name: string) => string,
): readonly string[] {
  return [...given.keys()]
    .filter((name) => !Object.hasOwn(tables[chosen] ?? {}, name))
    .flatMap((name) => {
      const owners = Object.keys(tables).filter((owner) => Object.hasOwn(tables[owner] as Flags, name));
      return owners.length === 0
        ? []
        : [`${nameOf(name)} has no effect with --${what} ${chosen}: it belongs to --${what} ${owners.join(', ')}`];
    });
}

function mostItems(count: number): string {
  return count === 1 ? '1 item' : `at most ${groupDigits(count)} items`;
}

/** A masked secret of a saved spec must not be sent as if it were one. */
function maskedWords(given: Given, nameOf: (name: string) => string): readonly string[] {
  return [...given]
    .filter(
      ([name, words]) =>
        (ALL_FLAGS[name]?.shown || name === 'url') && words.some((word) => String(word).includes(MASK)),
    )
    .map(([name]) => `Cannot use ${nameOf(name)}: a part of it was masked when the spec was saved; give it again`);
}

/** A word without what may be secret in it: the value of a header, the place of a key, a body. */
function masked(name: string, word: string | true): string | true {
  const shown = ALL_FLAGS[name]?.shown;
  if (shown) {
    return shown(String(word));
  }
  return name === 'header' ? String(word).replace(/:.*/s, `: ${MASK}`) : name === 'key' ? MASK : word;
}

function askedFor(endpoint: Endpoint | undefined, given: Given): Readonly<Record<string, unknown>> {
  const known = [...given].filter(([name]) => Object.hasOwn(ALL_FLAGS, name) && !NOT_SAVED.includes(name));
  const values = known.map(([name, words]) => {
    const shown = words.map((word) => masked(name, word));
    return [name, ALL_FLAGS[name]?.repeatable ? shown : shown.at(-1)];
  });
  return { ...(endpoint && { url: endpoint.url }), ...Object.fromEntries(values) };
}
