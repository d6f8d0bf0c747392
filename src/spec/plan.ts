import type { ClockAnchor } from '../clock.js';
import type { Pacing } from '../engine/pacer.js';
import { repeatedRatio } from '../protocols/data-order.js';
import type { HostFacts } from '../reports/results.js';
import { MASK, maskUrl } from '../text.js';
import type { Target } from '../transports/transport.js';
import { VERSION } from '../version.js';
import { hostFacts } from './machine.js';
import type { Rig } from './rig.js';
import { ALL_FLAGS } from './run-flags.js';
import type { RunSpec } from './run-spec.js';

/** Everything resolved, as plain data: what `plan.json` holds and what a run can be repeated from. */
export interface Plan extends Readonly<Record<string, unknown>> {
  readonly schema: 'infer-bench/plan/1';
  readonly started_epoch_us: number;
  readonly started_monotonic_ns: string;
  readonly host: HostFacts;
}

export interface PlanParts {
  readonly spec: RunSpec;
  readonly rig: Rig;
  readonly target: Target;
  readonly embedded: boolean;
  /** How due times are met; undefined in a closed run. */
  readonly pacing: Pacing | undefined;
  readonly anchor: ClockAnchor;
}

/** Puts the plan together. Header values are left out: they may be secrets. */
export function planOf({ spec, rig, target, embedded, pacing, anchor }: PlanParts): Plan {
  const { schedule, pool } = rig;
  const { header: _secret, key, threshold: _read, slo: _limits, ...settings } = spec.settings;
  return {
    schema: 'infer-bench/plan/1',
    version: VERSION,
    started_epoch_us: anchor.startedEpochUs,
    started_monotonic_ns: anchor.startedMonotonicNs,
    target: {
      ...target,
      embedded,
      ...(spec.endpoint && { url: spec.endpoint.url, path: maskUrl(spec.endpoint.path) }),
    },
    settings: withUnits({
      ...settings,
      transport: rig.lane,
      ...(key && { key: MASK }),
      ...spec.patternSettings,
      ...withoutSecrets(spec),
    }),
    header_names: Object.keys(spec.headers),
    dataset: { name: rig.datasetName, items: rig.datasetItems },
    payloads: {
      count: pool.requests.length,
      bytes: pool.bytes,
      encode_ms: rig.encodeMs,
      order: spec.order,
      // How many requests users will send is not known before.
      ...(schedule.model === 'open' && { repeated_ratio: plannedRepeats(rig, schedule.arrivalsUs.length) }),
    },
    schedule: {
      model: schedule.model,
      warmup_us: schedule.warmupUs,
      duration_us: schedule.durationUs,
      ...(schedule.model === 'closed'
        ? {
            think_time_us: schedule.thinkTimeUs,
            steps: schedule.steps.map(({ atUs, users }) => ({ at_us: atUs, users })),
          }
        : { arrivals: schedule.arrivalsUs.length, pacing }),
    },
    workers: rig.workers,
    connections: { most: rig.connections.most, at_start: rig.connections.atStart, fresh: rig.connections.fresh },
    host: hostFacts(),
  };
}

/** The protocol's settings; of what can have secrets in it, as much as the saved spec shows. */
function withoutSecrets({ protocolSettings, asked }: RunSpec): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(protocolSettings).map(([name, value]) => [name, ALL_FLAGS[name]?.shown ? asked[name] : value]),
  );
}

function plannedRepeats({ turns, pool }: Rig, arrivals: number): number | null {
  return repeatedRatio(turns.index, pool.requests.length, Math.floor(arrivals / (turns.before.length + 1)));
}

/** Flags as file fields: `think-time` → `think_time_us`. */
function withUnits(settings: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => {
        const unit = ALL_FLAGS[name]?.unit;
        return [`${name.replaceAll('-', '_')}${unit ? `_${unit}` : ''}`, value];
      }),
  );
}
