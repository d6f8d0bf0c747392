import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileProblem, usageError } from '../errors.js';
import { FlagProblem, type Flags, type FlagValues, type Given, readFlags } from '../flags.js';
import { PATTERNS } from '../patterns/index.js';
import type { LoadPattern, PatternKind } from '../patterns/pattern.js';
import { PROTOCOLS } from '../protocols/index.js';
import type { ProtocolKind } from '../protocols/protocol.js';
import { MASK, maskUrl } from '../text.js';
import { flagsOf, parseHeader, RUN_FLAGS } from './run-flags.js';
import { readSpecFile, type SpecFile } from './spec-file.js';

/** A spec of this name in the working directory is used when no other is named. */
const DEFAULT_FILES = ['infer-bench.yaml', 'infer-bench.yml', 'infer-bench.json'];

/** Where to send, as the user wrote it and taken apart. */
export interface Endpoint {
  readonly url: string;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** Empty when the URL has none. */
  readonly path: string;
}

/** What the user asked for, checked and with all defaults filled in. */
export interface RunSpec {
  /** Absent: the embedded server. */
  readonly endpoint: Endpoint | undefined;
  readonly settings: FlagValues<typeof RUN_FLAGS>;
  readonly patternKind: PatternKind;
  readonly curve: LoadPattern;
  readonly protocolKind: ProtocolKind;
  /** Values of the flags that the pattern and the protocol have of their own. */
  readonly patternSettings: Readonly<Record<string, unknown>>;
  readonly protocolSettings: Readonly<Record<string, unknown>>;
  readonly datasetName: string;
  /** All headers, also those of the header file; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** What was given, by name, secrets masked: enough to ask again. */
  readonly asked: Readonly<Record<string, unknown>>;
  /** The spec file that was used. */
  readonly file: string | undefined;
}

const HINT = 'infer-bench run --help lists the flags with examples';

const PATTERN_FLAGS = flagsOf(PATTERNS);
const PROTOCOL_FLAGS = flagsOf(PROTOCOLS);
const ALL_FLAGS: Flags = { ...RUN_FLAGS, ...PATTERN_FLAGS, ...PROTOCOL_FLAGS };

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
  const fileFlags = Object.fromEntries(Object.entries(ALL_FLAGS).filter(([name]) => !NOT_IN_FILES.includes(name)));
  const file = path === undefined ? undefined : readSpecFile(path, fileFlags, cwd);
  const given = merge(flags, file);
  const nameOf = (name: string) => (flags.has(name) || !file?.given.has(name) ? `--${name}` : file.placeOf(name));

  const settings = readFlags(RUN_FLAGS, given, problems, nameOf);
  const patternKind = PATTERNS[settings.pattern] as PatternKind;
  const protocolKind = PROTOCOLS[settings.protocol] as ProtocolKind;
  if (!patternKind || !protocolKind) {
    // Which other flags belong here depends on these two.
    throw usageError(problems, { hint: HINT });
  }
  const patternSettings = readOwn('pattern', settings.pattern, patternKind);
  const protocolSettings = readOwn('protocol', settings.protocol, protocolKind);
  problems.push(
    ...uselessFlags(given, 'pattern', settings.pattern, PATTERNS, nameOf),
    ...uselessFlags(given, 'protocol', settings.protocol, PROTOCOLS, nameOf),
  );
  if (patternKind.setsDuration && given.has('duration')) {
    problems.push(`${nameOf('duration')} has no effect with --pattern ${settings.pattern}, whose flags set its length`);
  }
  if (settings['batch-size'] > protocolKind.maxBatch) {
    problems.push(
      `Cannot read ${nameOf('batch-size')}: --protocol ${settings.protocol} takes ${protocolKind.maxBatch} item per ` +
        `request: got ${settings['batch-size']}`,
    );
  }
  const endpoint = readEndpoint({ operands, file, settings, protocolKind, problems });
  const headers = readHeaders(settings, cwd, problems);
  problems.push(
    ...Object.keys(headers)
      .filter((name) => headers[name] === MASK)
      .map((name) => `Cannot send header "${name}": its value was masked when the spec was saved; give it again`),
  );
  if (problems.length > 0) {
    throw usageError(problems, { hint: HINT });
  }
  return {
    endpoint,
    settings,
    patternKind,
    curve: patternKind.build(patternSettings, settings.duration),
    protocolKind,
    patternSettings,
    protocolSettings,
    datasetName: settings.dataset ?? protocolKind.dataset,
    headers,
    asked: askedFor(endpoint, given),
    file: path,
  };

  /** The values of a pattern's or protocol's own flags; what contradicts each other is looked at once each is fine. */
  function readOwn(what: string, name: string, kind: PatternKind | ProtocolKind): Readonly<Record<string, unknown>> {
    const before = problems.length;
    const values = readFlags(kind.flags, given, problems, nameOf);
    if (problems.length === before && 'problems' in kind) {
      problems.push(...(kind.problems?.(values) ?? []).map((problem) => `Cannot read ${what} "${name}": ${problem}`));
    }
    return values;
  }
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
  kinds: Readonly<Record<string, { readonly flags: Flags }>>,
  nameOf: (name: string) => string,
): readonly string[] {
  const own = kinds[chosen]?.flags ?? {};
  return [...given.keys()]
    .filter((name) => !Object.hasOwn(own, name))
    .flatMap((name) => {
      const owners = Object.keys(kinds).filter((kind) => Object.hasOwn((kinds[kind] as PatternKind).flags, name));
      return owners.length === 0
        ? []
        : [`${nameOf(name)} has no effect with --${what} ${chosen}: it belongs to --${what} ${owners.join(', ')}`];
    });
}

interface EndpointInput {
  readonly operands: readonly string[];
  readonly file: SpecFile | undefined;
  readonly settings: FlagValues<typeof RUN_FLAGS>;
  readonly protocolKind: ProtocolKind;
  readonly problems: string[];
}

function readEndpoint({ operands, file, settings, protocolKind, problems }: EndpointInput): Endpoint | undefined {
  if (operands.length > 1) {
    problems.push(`Got ${operands.length} URLs, wanted one: ${operands.map(maskUrl).join(' ')}`);
  }
  const url = operands[0] ?? file?.given.get('url')?.[0];
  if (url === undefined) {
    return undefined;
  }
  const schemes = protocolKind.via === 'http' ? ['http', 'https'] : ['grpc', 'grpcs'];
  const shown = maskUrl(url);
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `${schemes[0]}://${url}`;
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(full) as RegExpExecArray;
  const scheme = (match[1] as string).toLowerCase();
  if (!schemes.includes(scheme)) {
    problems.push(
      `Cannot use URL ${shown}: --protocol ${settings.protocol} goes over ${schemes.join('://, ')}://, got ${scheme}://`,
    );
    return undefined;
  }
  // The URL class knows the parts of http URLs only; the default port must not be swallowed.
  const parsed = URL.canParse(`http://${match[2]}`) ? new URL(`http://${match[2]}`) : undefined;
  if (!parsed?.hostname) {
    problems.push(`Cannot read URL ${shown}: wanted ${schemes[0]}://host:port`);
    return undefined;
  }
  if (parsed.username || parsed.password) {
    problems.push(`Cannot use URL ${shown}: a user name or password in it is not sent; use --header-file`);
  }
  const path = parsed.pathname === '/' ? '' : parsed.pathname;
  if (parsed.search || parsed.hash) {
    problems.push(`Cannot use URL ${shown}: wanted no query and no fragment`);
  }
  if (path && !protocolKind.takesPath) {
    problems.push(
      `Cannot use URL ${shown}: --protocol ${settings.protocol} has paths of its own; give host and port only`,
    );
  }
  const explicitPort = /:(\d+)$/.exec(match[2]?.split(/[/?#]/)[0] ?? '')?.[1];
  const secure = scheme === 'https' || scheme === 'grpcs';
  const usualPort = protocolKind.via === 'grpc' ? protocolKind.defaultPort : secure ? 443 : 80;
  const port = explicitPort === undefined ? usualPort : Number(explicitPort);
  if (port === 0) {
    problems.push(`Cannot use URL ${shown}: port 0 is no port to connect to`);
  }
  return { url: shown, secure, host: parsed.hostname.replace(/^\[|\]$/g, ''), port, path };
}

function readHeaders(
  settings: FlagValues<typeof RUN_FLAGS>,
  cwd: string,
  problems: string[],
): Readonly<Record<string, string>> {
  const headers = Object.fromEntries(settings.header.filter((header) => header !== undefined));
  const path = settings['header-file'];
  if (path === undefined) {
    return headers;
  }
  let text: string;
  try {
    text = readFileSync(resolve(cwd, path), 'utf8');
  } catch (error) {
    problems.push(`Cannot read --header-file ${path}: ${fileProblem(error)}`);
    return headers;
  }
  const ofFile = text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') {
      return [];
    }
    try {
      return [parseHeader(line)];
    } catch (error) {
      if (!(error instanceof FlagProblem)) {
        throw error;
      }
      // The line itself may hold a secret: it is not shown.
      problems.push(`${path}:${index + 1}: ${error.message}`);
      return [];
    }
  });
  return { ...Object.fromEntries(ofFile), ...headers };
}

function askedFor(endpoint: Endpoint | undefined, given: Given): Readonly<Record<string, unknown>> {
  const known = [...given].filter(([name]) => Object.hasOwn(ALL_FLAGS, name) && !NOT_SAVED.includes(name));
  const values = known.map(([name, words]) => {
    const shown = name === 'header' ? words.map((line) => String(line).replace(/:.*/s, `: ${MASK}`)) : words;
    return [name, ALL_FLAGS[name]?.repeatable ? shown : shown.at(-1)];
  });
  return { ...(endpoint && { url: endpoint.url }), ...Object.fromEntries(values) };
}
