import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { usageError } from '../errors.js';
import { PATTERNS } from '../patterns/index.js';
import type { LoadPattern } from '../patterns/pattern.js';
import { userSteps } from '../schedule/users.js';
import { maxOpenFiles, RESERVED_FILES } from '../transports/limits.js';
import { formatBytes, groupDigits, US_PER_S } from '../units.js';
import type { RunSpec } from './run-spec.js';

/** What this process may have of the machine. */
export interface SystemLimits {
  /** Descriptors; Infinity where the system does not tell. */
  readonly openFiles: number;
  /** Ports for connections to one address and port; Infinity where the system does not tell. */
  readonly ports: number;
  readonly memoryBytes: number;
}

/** What a run would need, and the flags that say so. */
export interface Wanted {
  /** The most connections at one time. */
  readonly connections: number;
  readonly connectionsFlag: string;
  /** Connections made each second, where every request has one of its own; undefined otherwise. */
  readonly freshPerS?: number;
  readonly freshFlag?: string;
  /** Planned requests whose due times are made before the run; 0 in a closed run. */
  readonly arrivals: number;
}

/** Why a run cannot be, and what to do. */
export interface LimitProblem {
  readonly message: string;
  readonly hint: string;
}

/** How long the system keeps the port of a closed connection: TIME_WAIT. */
const PORT_KEPT_S = 60;
const BYTES_PER_ARRIVAL = Float64Array.BYTES_PER_ELEMENT;
/** Due times may take this part of the memory; as much again is needed while they are made. */
const MEMORY_SHARE = 1 / 4;
/** The longest array that a run is planned in, whatever the memory. */
const MOST_ARRIVALS = 1e9;

/** How many connections can be open at one time; Infinity where no limit is known. */
function mostConnections({ openFiles, ports }: SystemLimits): number {
  return Math.max(0, Math.min(openFiles - RESERVED_FILES, ports));
}

/** What of a run goes beyond the limits: empty when nothing does. */
export function limitProblems(wanted: Wanted, limits: SystemLimits): readonly LimitProblem[] {
  return [files(wanted, limits), ports(wanted, limits), freshPorts(wanted, limits), memory(wanted, limits)].filter(
    (problem) => problem !== undefined,
  );
}

function files({ connections, connectionsFlag }: Wanted, { openFiles }: SystemLimits): LimitProblem | undefined {
  if (connections <= openFiles - RESERVED_FILES) {
    return undefined;
  }
  return {
    message:
      `Cannot open ${groupDigits(connections)} connections (${connectionsFlag}): this process may have ` +
      `${groupDigits(openFiles)} open files, ${RESERVED_FILES} of them reserved`,
    hint: `raise it with ulimit -n ${connections + RESERVED_FILES}, or lower ${connectionsFlag}`,
  };
}

function ports({ connections, connectionsFlag }: Wanted, { ports: most }: SystemLimits): LimitProblem | undefined {
  if (connections <= most) {
    return undefined;
  }
  return {
    message:
      `Cannot open ${groupDigits(connections)} connections (${connectionsFlag}): this machine has ` +
      `${groupDigits(most)} ports for connections to one address`,
    hint: `widen net.ipv4.ip_local_port_range, or lower ${connectionsFlag}`,
  };
}

function freshPorts({ freshPerS = 0, freshFlag }: Wanted, { ports: most }: SystemLimits): LimitProblem | undefined {
  if (freshPerS * PORT_KEPT_S <= most) {
    return undefined;
  }
  return {
    message:
      `Cannot open ${groupDigits(Math.ceil(freshPerS))} connections a second (${freshFlag}): each keeps its port for ` +
      `${PORT_KEPT_S} s after its end, and this machine has ${groupDigits(most)} for one address`,
    hint: `lower ${freshFlag} to ${Math.floor(most / PORT_KEPT_S)}, or keep connections alive`,
  };
}

function memory({ arrivals }: Wanted, { memoryBytes }: SystemLimits): LimitProblem | undefined {
  const most = Math.min(MOST_ARRIVALS, Math.floor((memoryBytes * MEMORY_SHARE) / BYTES_PER_ARRIVAL));
  if (arrivals <= most) {
    return undefined;
  }
  return {
    message:
      `Cannot plan about ${groupDigits(Math.round(arrivals))} requests: their due times take ` +
      `${formatBytes(arrivals * BYTES_PER_ARRIVAL)} of memory, and this machine has room for ${groupDigits(most)}`,
    hint: 'lower the rate, or make it several runs',
  };
}

/** The area under a curve in level × seconds, from as many looks at it as make no difference here. */
function areaUnder(curve: LoadPattern): number {
  const looks = 10_000;
  const widthUs = curve.durationUs / looks;
  let sum = 0;
  for (let look = 0; look < looks; look++) {
    sum += curve.levelAt((look + 0.5) * widthUs);
  }
  return (sum * widthUs) / US_PER_S;
}

/** What a run would need; `connectionsFlag` is the one to lower. */
function wantedBy(spec: RunSpec): Wanted {
  const { settings, model, curve, protocolKind } = spec;
  const warmupArrivals = (curve.levelAt(0) * settings.warmup) / US_PER_S;
  const arrivals = model === 'open' ? areaUnder(curve) + warmupArrivals : 0;
  if (typeof settings.connections === 'number') {
    return { connections: settings.connections, connectionsFlag: '--connections', arrivals };
  }
  if (settings.connections === 'fresh' && model === 'open') {
    const freshPerS = arrivals / ((curve.durationUs + settings.warmup) / US_PER_S);
    const connections = settings['max-in-flight'];
    const fresh = { freshPerS, freshFlag: highestLevelFlag(spec) };
    return { connections, connectionsFlag: '--max-in-flight', ...fresh, arrivals };
  }
  if (model === 'closed') {
    const connections = userSteps(curve).reduce((most, { users }) => Math.max(most, users), 0);
    return { connections, connectionsFlag: highestLevelFlag(spec), arrivals };
  }
  // Calls of gRPC share connections.
  const connections = protocolKind.via === 'http' ? settings['max-in-flight'] : 1;
  return { connections, connectionsFlag: '--max-in-flight', arrivals };
}

/** The flag of the pattern's highest level: the one that asks for most users. */
function highestLevelFlag({ settings, patternSettings, model }: RunSpec): string {
  const names = Object.values(PATTERNS[settings.pattern]?.levels ?? {}).map((level) => level[model][0]);
  const [highest] = names.sort((a, b) => Number(patternSettings[b]) - Number(patternSettings[a]));
  return `--${highest}`;
}

/**
 * The spec with a `--max-in-flight` that can be kept, where the user gave none. Throws BenchError('usage') for a run
 * that goes beyond the limits.
 */
export function withinLimits(spec: RunSpec, limits: SystemLimits): RunSpec {
  const cap = Math.max(1, Math.min(spec.settings['max-in-flight'], mostConnections(limits)));
  const kept =
    spec.asked['max-in-flight'] === undefined
      ? { ...spec, settings: { ...spec.settings, 'max-in-flight': cap } }
      : spec;
  const problems = limitProblems(wantedBy(kept), limits);
  if (problems.length > 0) {
    throw usageError(
      problems.map(({ message }) => message),
      { hint: problems.map(({ hint }) => hint).join('; ') },
    );
  }
  return kept;
}

/** What the system allows. */
export function systemLimits(): SystemLimits {
  const [first, last] = readText('/proc/sys/net/ipv4/ip_local_port_range')?.trim().split(/\s+/).map(Number) ?? [];
  return {
    openFiles: maxOpenFiles(),
    ports: first === undefined || last === undefined ? Number.POSITIVE_INFINITY : last - first + 1,
    // A container may have less than the machine; without a limit the number is 0 or beyond any memory.
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Not Linux.
    return undefined;
  }
}
