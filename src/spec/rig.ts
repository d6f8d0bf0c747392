import { availableParallelism } from 'node:os';
import type { Clock } from '../clock.js';
import type { Dataset, InputSpec } from '../datasets/dataset.js';
import { openDataset } from '../datasets/index.js';
import { BenchError, usageError } from '../errors.js';
import { expecting } from '../protocols/checks.js';
import { payloadIndex } from '../protocols/data-order.js';
import { type Payloads, payloads, type Turns } from '../protocols/payloads.js';
import type { CreateOptions, Protocol } from '../protocols/protocol.js';
import { random } from '../random.js';
import { arrivals } from '../schedule/arrivals.js';
import type { Schedule } from '../schedule/schedule.js';
import { userSteps } from '../schedule/users.js';
import { warmedUp } from '../schedule/warmup.js';
import { US_PER_MS } from '../units.js';
import { checkPlanOf } from './check-plan.js';
import { readGolden, withGolden } from './golden.js';
import { fittedTo, isSynthetic, madeFor } from './inputs.js';
import type { Known } from './learning.js';
import type { RunSpec } from './run-spec.js';

/** All that a loop needs but for the connection: made before the clock of the run starts. */
export interface Rig {
  readonly protocol: Protocol;
  /** What the codec is made of beside flags; each thread makes its own. */
  readonly protocolOptions: CreateOptions;
  readonly schedule: Schedule;
  readonly connections: Connections;
  readonly pool: Payloads;
  /** What goes out by sequence number. */
  readonly turns: Turns;
  readonly encodeMs: number;
  /** What carries the requests. */
  readonly lane: RunSpec['settings']['transport'];
  /** Threads that send. */
  readonly workers: number;
  readonly datasetName: string;
  readonly datasetItems: number;
}

interface Connections {
  /** The most that the run may have open. */
  readonly most: number;
  /** How many are opened before it begins; where each request has a fresh one, to see whether they can be. */
  readonly atStart: number;
  /** A new one for each request. */
  readonly fresh: boolean;
  /** How many the user wants shared; undefined where each user has one, or a rate as many as it needs. */
  readonly shared: number | undefined;
}

/**
 * Builds the schedule and encodes the requests. Throws BenchError('usage') for a dataset or golden answers that cannot
 * be used.
 */
export async function rigOf(spec: RunSpec, cwd: string, clock: Clock, known: Known = {}): Promise<Rig> {
  const { protocolKind, protocolSettings, endpoint, headers } = spec;
  const options = { headers, learned: known.learned };
  const protocol = await protocolKind.create(protocolSettings, endpoint?.path ?? '', options);
  const check = checkPlanOf(spec.settings);
  if ((check.level === 'golden' || check.level === 'first') && !protocol.answers) {
    throw usageError([
      `Cannot use --check ${spec.settings.check}: answers of --protocol ${protocol.name} cannot be compared`,
    ]);
  }
  const schedule = scheduleOf(spec);
  const startedUs = clock.nowUs();
  try {
    const items = datasetOf(spec, cwd, known.inputs);
    const golden = check.level === 'golden';
    const dataset = golden ? withGolden(items, readGolden(spec.settings.check, cwd), spec.settings.check) : items;
    const pool = payloads({
      protocol: golden ? expecting(protocol) : protocol,
      dataset,
      batchSize: spec.settings['batch-size'],
      random: random(spec.settings.seed, 'dataset'),
      // What is new each time must not run out before the run ends.
      many: spec.order.kind === 'repeat',
    });
    const { requests } = pool;
    return {
      protocol,
      protocolOptions: options,
      pool,
      turns: {
        before: protocol.before ?? [],
        requests,
        index: payloadIndex(spec.order, requests.length, spec.settings.seed),
      },
      schedule,
      lane: laneOf(spec, protocol),
      connections: connectionsOf(spec, schedule),
      workers: workersOf(spec, schedule),
      encodeMs: Math.round(clock.nowUs() - startedUs) / US_PER_MS,
      datasetName: dataset.name,
      datasetItems: dataset.size,
    };
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
    throw new BenchError(
      'usage',
      `Cannot use --dataset ${isSynthetic(spec) ? 'synthetic' : spec.datasetName} with --protocol ${protocol.name}: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

/** The lane that was asked for, or the one that can carry the protocol. */
function laneOf({ settings, asked }: RunSpec, { name, lane }: Protocol): Rig['lane'] {
  if (lane !== undefined && asked.transport !== undefined && asked.transport !== lane) {
    throw usageError([
      `Cannot use --transport ${settings.transport} with --protocol ${name} here: only --transport ${lane} carries streams of messages`,
    ]);
  }
  return lane ?? settings.transport;
}

/** The items of a run: those that the user named, or what the inputs of the model ask for. */
function datasetOf(spec: RunSpec, cwd: string, inputs: readonly InputSpec[] | undefined): Dataset {
  if (inputs && isSynthetic(spec)) {
    return madeFor(inputs, spec);
  }
  const dataset = openDataset(spec.datasetName, cwd, {
    columns: spec.settings.column ?? [],
    wanted: spec.protocolKind.input,
  });
  return inputs ? fittedTo(inputs, dataset, spec.settings['batch-size']) : dataset;
}

function scheduleOf({ curve, model, settings }: RunSpec): Schedule {
  const warmed = warmedUp(curve, settings.warmup);
  const times = { warmupUs: settings.warmup, durationUs: warmed.durationUs };
  return model === 'closed'
    ? { model, ...times, steps: userSteps(warmed), thinkTimeUs: settings['think-time'] }
    : { model, ...times, arrivalsUs: arrivals(warmed, settings.spacing, random(settings.seed, 'arrivals')) };
}

/** A core stays free for the writing; a user or arrival is the least that a worker can have. */
function workersOf({ settings: { workers } }: RunSpec, schedule: Schedule): number {
  const parts =
    schedule.model === 'closed' ? Math.max(...schedule.steps.map(({ users }) => users)) : schedule.arrivalsUs.length;
  const wanted = workers === 'auto' ? Math.max(1, availableParallelism() - 1) : workers;
  return Math.max(1, Math.min(wanted, parts));
}

/** So many requests' worth of connections are opened for an open run: what arrives while an answer takes this long. */
const EXPECTED_ANSWER_US = 20 * US_PER_MS;
const MOST_AT_START = 256;

function connectionsOf({ curve, settings }: RunSpec, schedule: Schedule): Connections {
  const asked = settings.connections;
  const fresh = asked === 'fresh';
  if (asked !== undefined && !fresh) {
    return { most: asked, atStart: asked, fresh, shared: asked };
  }
  if (schedule.model === 'closed') {
    const users = Math.max(1, ...schedule.steps.map((step) => step.users));
    return { most: users, atStart: fresh ? 1 : users, fresh, shared: undefined };
  }
  const most = settings['max-in-flight'];
  const meanRate = schedule.arrivalsUs.length / (curve.durationUs + settings.warmup);
  const atStart = Math.min(most, MOST_AT_START, Math.ceil(meanRate * EXPECTED_ANSWER_US) + 1);
  return { most, atStart: fresh ? 1 : atStart, fresh, shared: undefined };
}
