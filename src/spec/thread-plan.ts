import type { Clock } from '../clock.js';
import type { LoopPlan, LoopTools } from '../engine/load.js';
import type { Pacing } from '../engine/pacer.js';
import { type CheckPlan, checked } from '../protocols/checks.js';
import { type DataOrder, payloadIndex } from '../protocols/data-order.js';
import { PROTOCOLS } from '../protocols/index.js';
import { requestAt } from '../protocols/payloads.js';
import type { CreateOptions, Protocol, ProtocolKind, WireRequest } from '../protocols/protocol.js';
import { type Shard, shardOf, shareOf } from '../schedule/shard.js';
import { TRANSPORTS } from '../transports/index.js';
import type { Target, TransportOptions } from '../transports/transport.js';
import { checkPlanOf } from './check-plan.js';
import type { Rig } from './rig.js';
import type { RunSpec } from './run-spec.js';

/** All that one thread needs to run its shard, as plain data: it crosses to a worker once. */
export interface ThreadPlan {
  readonly loop: LoopPlan;
  /** The pool of the whole run: a request is the one of its sequence number, whoever sends it. */
  readonly requests: readonly WireRequest[];
  /** What of the protocol's own goes out before each of them. */
  readonly before: readonly WireRequest[];
  readonly order: DataOrder;
  readonly seed: number;
  readonly protocol: {
    readonly name: string;
    readonly settings: Readonly<Record<string, unknown>>;
    readonly basePath: string;
    readonly options: CreateOptions;
  };
  readonly check: CheckPlan;
  readonly lane: Rig['lane'];
  readonly transport: Omit<TransportOptions, 'clock' | 'requests'>;
  readonly connections: Rig['connections'];
}

export interface ThreadPlanParts {
  readonly spec: RunSpec;
  readonly rig: Rig;
  readonly target: Target;
  /** Undefined in a closed run, which has no due times. */
  readonly pacing: Pacing | undefined;
}

/** A plan for each worker; one worker has the whole run. */
export function threadPlans({ spec, rig, target, pacing }: ThreadPlanParts): readonly ThreadPlan[] {
  const { settings } = spec;
  const { workers } = rig;
  const { before, requests } = rig.turns;
  const inFlight = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  return Array.from({ length: workers }, (_, worker) => {
    const shard: Shard = { worker, workers };
    const connections = connectionsOf(spec, rig, shard);
    return {
      loop: {
        shard,
        turn: before.length + 1,
        schedule: shardOf(rig.schedule, shard),
        pacing: pacing ?? 'frugal',
        timeoutUs: settings.timeout,
        drainUs: settings.drain,
        maxInFlight: settings['max-in-flight'],
        inFlight,
        sharedConnections: connections.shared === undefined ? undefined : connections.most,
      },
      requests,
      before,
      order: spec.order,
      seed: settings.seed,
      protocol: {
        name: settings.protocol,
        settings: spec.protocolSettings,
        basePath: spec.endpoint?.path ?? '',
        options: rig.protocolOptions,
      },
      check: checkPlanOf(settings),
      lane: rig.lane,
      transport: {
        target,
        headers: spec.headers,
        requestIds: settings['truth-log'] !== undefined,
        maxConnections: connections.most,
        fresh: connections.fresh,
        stallUs: settings['stall-timeout'],
        ...spec.tls,
      },
      connections,
    };
  });
}

/** A worker's share of the connections; those that an open run makes on demand are limited by what is in flight. */
function connectionsOf({ model }: RunSpec, rig: Rig, shard: Shard): Rig['connections'] {
  const { most, atStart, shared } = rig.connections;
  const onDemand = model === 'open' && shared === undefined;
  return {
    ...rig.connections,
    most: onDemand ? most : Math.max(1, shareOf(shard, most)),
    atStart: shareOf(shard, atStart),
  };
}

/** The tools that a plan asks for. `protocol`: the codec, where it is there already. */
export async function loopTools(plan: ThreadPlan, clock: Clock, protocol?: Protocol): Promise<LoopTools> {
  const { name, settings, basePath, options } = plan.protocol;
  const kind = PROTOCOLS[name] as ProtocolKind;
  const codec = protocol ?? (await kind.create(settings, basePath, options));
  const createTransport = await TRANSPORTS[codec.via][plan.lane]();
  const requests = plan.requests.map(withBuffer);
  const before = plan.before.map(withBuffer);
  const turns = { before, requests, index: payloadIndex(plan.order, requests.length, plan.seed) };
  return {
    clock,
    protocol: checked(codec, plan.check),
    transport: createTransport({ ...plan.transport, requests: [...before, ...requests], clock }),
    request: (seq) => requestAt(turns, seq),
  };
}

/** A request whose body is a Buffer again: on its way to another thread it became a plain array of bytes. */
function withBuffer(request: WireRequest): WireRequest {
  const { body } = request;
  return body === null || Buffer.isBuffer(body)
    ? request
    : {
        ...request,
        body: Buffer.from((body as Uint8Array).buffer, (body as Uint8Array).byteOffset, (body as Uint8Array).length),
      };
}
