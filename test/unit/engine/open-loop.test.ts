import { describe, expect, it } from 'vitest';
import { type OpenLoopOptions, runOpenLoop } from '../../../src/engine/open-loop.js';
import { constant } from '../../../src/patterns/constant.js';
import { random } from '../../../src/random.js';
import { histogram } from '../../../src/reduce/histogram.js';
import { totals } from '../../../src/reduce/summary.js';
import type { Sample } from '../../../src/samples/sample.js';
import { arrivals, type Spacing } from '../../../src/schedule/arrivals.js';
import { WHOLE } from '../../../src/schedule/shard.js';
import { judge } from '../../../src/verdicts/validity.js';
import { fakeClock } from '../../support/clock.js';
import { soundFacts } from '../../support/facts.js';
import { blockOf, sampleRows } from '../../support/samples.js';
import { type Fate, fakeTransport } from '../../support/transport.js';

interface Setup extends Partial<OpenLoopOptions> {
  readonly clock?: ReturnType<typeof fakeClock>;
  readonly rate?: number;
  readonly durationS?: number;
  readonly warmupS?: number;
  readonly fate?: Fate;
}

/** A loop in virtual time that nothing has started yet. */
function loop({
  rate = 100,
  durationS = 10,
  warmupS = 0,
  fate = () => ({ afterUs: 5_000 }),
  clock = fakeClock(),
  ...rest
}: Setup) {
  const transport = fakeTransport(clock, fate);
  const rows = sampleRows();
  const inFlight: { atUs: number; users: number }[] = [];
  const arrivalsUs = arrivals(
    constant({ level: rate, durationUs: durationS * 1e6 }),
    { kind: 'uniform' },
    random(1, 'arrivals'),
  );
  const end = runOpenLoop({
    schedule: { model: 'open', arrivalsUs, warmupUs: warmupS * 1e6, durationUs: durationS * 1e6 },
    clock,
    transport,
    pacing: 'frugal',
    protocol: { via: 'http', decode: () => ({ outcome: 'ok' }) },
    request: (seq) => ({ method: 'GET', path: `/${seq}`, headers: {}, body: null, batch: 1 }),
    timeoutUs: 10e6,
    drainUs: 30e6,
    maxInFlight: 10_000,
    inFlight: new Int32Array(1),
    stop: new AbortController().signal,
    room: rows.room,
    shard: WHOLE,
    users: (atUs, users) => inFlight.push({ atUs, users }),
    ...rest,
  });
  return {
    clock,
    transport,
    get samples() {
      return rows.samples();
    },
    inFlight,
    end,
    arrivalsUs,
  };
}

const latencyMs = (samples: readonly Sample[], p: number) => {
  const of = histogram();
  for (const { endUs, intendedUs } of samples) {
    of.record((endUs as number) - intendedUs);
  }
  return (of.percentileUs(p) as number) / 1000;
};

/** A server that answers in 5 ms, but stands still from 4 s to 6 s and then answers all at once. */
const stalling: Fate = ({ atUs }) => ({
  afterUs: atUs + 5_000 > 4e6 && atUs < 6e6 ? 6e6 + 5_000 - atUs : 5_000,
});

describe('the reference experiment: 100/s for 10 s, 5 ms of service, one stall of 2 s', () => {
  it('shows what everyone who came had to wait for', async () => {
    const run = loop({ fate: stalling });
    run.clock.runUntil(60e6);
    await run.end;
    expect(run.samples.length).toBe(1000);
    // By hand: the 200 who come during the stall wait 2005 ms down to 15 ms, all others 5 ms.
    const want = { 0.5: 5, 0.9: 1005, 0.95: 1505, 0.99: 1905, 1: 2005 };
    for (const [p, ms] of Object.entries(want)) {
      expect(Math.abs(latencyMs(run.samples, Number(p)) / ms - 1), `p${p}`).toBeLessThan(0.006);
    }
  });

  it('and the same with one sample per request: nothing is made up', async () => {
    const run = loop({ fate: stalling });
    run.clock.runUntil(60e6);
    const { planned } = await run.end;
    expect([planned, run.transport.sent.length]).toEqual([1000, 1000]);
    expect(new Set(run.samples.map(({ seq }) => seq)).size).toBe(1000);
  });
});

describe('servers whose percentiles are known', () => {
  /** p in percent to ms, over a run of 200/s for 100 s. */
  async function percentilesOf(fate: Fate, spacing: Spacing = { kind: 'uniform' }) {
    const rate = constant({ level: 200, durationUs: 100e6 });
    const run = loop({
      fate,
      schedule: {
        model: 'open',
        arrivalsUs: arrivals(rate, spacing, random(3, 'arrivals')),
        warmupUs: 0,
        durationUs: 100e6,
      },
    });
    run.clock.runUntil(200e6);
    await run.end;
    expect(run.samples.length).toBeGreaterThan(19_000);
    return { samples: run.samples, ms: (percent: number) => latencyMs(run.samples, percent / 100) };
  }

  it('constant: all are the same', async () => {
    const { ms } = await percentilesOf(() => ({ afterUs: 7_000 }));
    for (const percent of [1, 50, 99, 100]) {
      expect(Math.abs(ms(percent) - 7)).toBeLessThan(0.01);
    }
  });

  it('bimodal: the step is at its rank, within 0.2 %', async () => {
    const draw = random(5, 'dataset');
    const { samples, ms } = await percentilesOf(() => ({ afterUs: draw.unit() < 0.9 ? 5_000 : 100_000 }));
    const slow = samples.filter(({ startUs, endUs }) => (endUs as number) - (startUs as number) > 50_000).length;
    const step = 100 * (1 - slow / samples.length);
    expect(Math.abs(step - 90)).toBeLessThan(1.5);
    expect(Math.abs(ms(step - 0.2) - 5)).toBeLessThan(0.01);
    expect(ms(step + 0.2)).toBeGreaterThan(99);
  });

  it.each([['uniform'], ['poisson']] as const)('a stall of 1 s in every 5 s, %s arrivals', async (kind) => {
    const periodic: Fate = ({ atUs }) => {
      const intoUs = atUs % 5e6;
      return { afterUs: (intoUs > 4e6 ? 5e6 - intoUs : 0) + 5_000 };
    };
    const { ms } = await percentilesOf(periodic, { kind });
    // Up to q = 0.8 nobody waits; above, the wait is uniform: 5 + 1000 (q - 0.8) / 0.2.
    expect(Math.abs(ms(50) - 5)).toBeLessThan(0.01);
    for (const [percent, theory] of [
      [90, 505],
      [95, 755],
      [99, 955],
    ] as const) {
      expect(Math.abs(ms(percent) - theory), `p${percent}`).toBeLessThan(0.03 * theory + 10);
    }
    expect(Math.abs(ms(100) - 1005)).toBeLessThan(11);
  });
});

describe('a generator that cannot keep the schedule', () => {
  it.each([
    ['a process that stood still for a second of twenty', 20],
    ['or for a second of ninety', 90],
  ])('says so and does not blame the server: %s', async (_how, durationS) => {
    const run = loop({ rate: 500, durationS });
    run.clock.runUntil(3e6);
    run.clock.skipTo(4e6);
    run.clock.runUntil(300e6);
    const end = await run.end;
    const whole = totals(() => ({ fromUs: 0, toUs: durationS * 1e6 }));
    whole.rows(blockOf(run.samples));
    const sums = whole.finish();
    const { status, reasons } = judge(sums, {
      ...soundFacts(run.samples.length),
      issued: end.planned,
      model: 'open',
      loopDelayP99Ms: null,
      loopBusyRatio: null,
    });
    expect([status, reasons.map(({ code }) => code)]).toEqual(['INVALID', ['schedule_not_kept']]);
    // Their lateness is this program's; only what was in flight as it stood still looks slow, which nobody can tell.
    expect(sums.lag.max_ms).toBeGreaterThan(990);
    expect(sums.service_time.p99_ms).toBeLessThan(6);
  });
});

describe('requests', () => {
  it('go when they are due, whatever became of those before', async () => {
    const run = loop({ rate: 50, durationS: 2, fate: () => ({ afterUs: 3e6 }) });
    run.clock.runUntil(60e6);
    await run.end;
    expect(run.transport.sent.map(({ atUs }) => atUs)).toEqual([...run.arrivalsUs]);
  });

  it.each(['precise', 'frugal'] as const)('are never early, %s', async (pacing) => {
    const run = loop({ rate: 3000, durationS: 1, pacing });
    run.clock.runUntil(60e6);
    await run.end;
    for (const { startUs, intendedUs } of run.samples) {
      expect((startUs as number) + 1).toBeGreaterThanOrEqual(intendedUs);
      expect((startUs as number) - intendedUs).toBeLessThan(1000);
    }
  });

  it('that are overdue go at once and in order, and their lateness is lag and latency, not service time', async () => {
    const run = loop({ rate: 1000, durationS: 3 });
    run.clock.runUntil(1e6);
    // The process stands still for a second.
    run.clock.skipTo(2e6);
    run.clock.runUntil(60e6);
    await run.end;
    expect(run.samples.length).toBe(3000);
    expect(run.transport.sent.map(({ slip }) => slip.seq)).toEqual(run.samples.map((_, seq) => seq));
    const late = run.samples.filter(({ intendedUs }) => intendedUs > 1.1e6 && intendedUs < 1.9e6);
    for (const { startUs, intendedUs, endUs } of late) {
      expect((startUs as number) - intendedUs).toBeGreaterThan(90_000);
      expect((endUs as number) - (startUs as number)).toBeLessThanOrEqual(5_001);
    }
  });

  it('have their deadline from the real sending', async () => {
    const run = loop({ rate: 10, durationS: 1, timeoutUs: 2e6 });
    run.clock.runUntil(20e6);
    await run.end;
    expect(new Set(run.transport.sent.map(({ slip, atUs }) => Math.round(slip.deadlineUs - atUs)))).toEqual(
      new Set([2e6]),
    );
  });

  it('above the cap are dropped and recorded, never delayed', async () => {
    const run = loop({ rate: 100, durationS: 1, maxInFlight: 10, fate: () => ({ afterUs: 10e6 }) });
    run.clock.runUntil(60e6);
    const { planned } = await run.end;
    expect(planned).toBe(100);
    expect(run.transport.sent.length).toBe(10);
    const dropped = run.samples.filter(({ outcome }) => outcome === 'dropped');
    expect(dropped.length).toBe(90);
    expect(dropped[0]).toMatchObject({ origin: 'local', startUs: undefined, endUs: undefined, bytesOut: 0 });
  });

  it('of the warm-up are marked, and those sent after the end of the load too', async () => {
    const run = loop({ rate: 100, durationS: 2, warmupS: 1 });
    run.clock.runUntil(1.5e6);
    run.clock.skipTo(3e6);
    run.clock.runUntil(60e6);
    await run.end;
    const phases = new Map(run.samples.map(({ seq, phase }) => [seq, phase]));
    expect([phases.get(50), phases.get(110), phases.get(190)]).toEqual(['warmup', 'measure', 'drain']);
  });
});

describe('the end', () => {
  it('comes with the pattern, not with the last request', async () => {
    const run = loop({ rate: 0.3, durationS: 10 });
    run.clock.runUntil(60e6);
    const end = await run.end;
    expect([end.planned, end.stoppedUs]).toEqual([3, 10e6]);
  });

  it('by a stop leaves a row for every request that was still planned', async () => {
    const stopping = new AbortController();
    const run = loop({ durationS: 10, stop: stopping.signal });
    run.clock.runUntil(4_002_000);
    stopping.abort();
    run.clock.runUntil(60e6);
    const end = await run.end;
    expect(end).toMatchObject({ planned: 1000, stoppedUs: 4_002_000 });
    expect(run.samples.length).toBe(1000);
    expect(run.samples.filter(({ outcome }) => outcome === 'not_sent_stopped').length).toBe(600);
    expect(run.transport.sent.length).toBe(400);
  });

  it('comes though the generator is far behind: what is not sent when the drain ends stays unsent', async () => {
    const clock = fakeClock();
    const request = (seq: number) => {
      // Encoding that takes 20 ms where a request is due each 10 ms: 10 s of load would take 20.
      clock.skipTo(clock.nowUs() + 20_000);
      return { method: 'GET', path: `/${seq}`, headers: {}, body: null, batch: 1 } as const;
    };
    const run = loop({ durationS: 10, drainUs: 2e6, clock, request });
    clock.runUntil(60e6);
    const end = await run.end;
    expect(end.planned).toBe(1000);
    expect(run.samples.length).toBe(1000);
    const unsent = run.samples.filter(({ outcome }) => outcome === 'not_sent_overrun');
    expect(unsent.length).toBe(1000 - run.transport.sent.length);
    // 12 s of 20 ms each, and the burst that was going out.
    expect(run.transport.sent.length).toBeGreaterThanOrEqual(600);
    expect(run.transport.sent.length).toBeLessThanOrEqual(640);
    expect(unsent.every(({ startUs, origin }) => startUs === undefined && origin === 'local')).toBe(true);
  });

  it('abandons what the drain does not see answered', async () => {
    const run = loop({ rate: 10, durationS: 1, drainUs: 2e6, fate: () => undefined });
    run.clock.runUntil(60e6);
    const end = await run.end;
    expect(end.endedUs).toBe(3e6);
    expect(run.samples.every(({ outcome, endUs }) => outcome === 'abandoned' && endUs === 3e6)).toBe(true);
    expect(run.samples.length).toBe(10);
  });

  it('of a schedule without a request is an end too', async () => {
    const run = loop({ rate: 0, durationS: 1 });
    run.clock.runUntil(60e6);
    expect(await run.end).toMatchObject({ planned: 0, stoppedUs: 1e6 });
  });
});

it('requests in flight are told once a second', async () => {
  const run = loop({ rate: 10, durationS: 3, fate: () => ({ afterUs: 1_050_000 }) });
  run.clock.runUntil(60e6);
  await run.end;
  expect(run.inFlight.map(({ atUs }) => Math.floor(atUs / 1e6))).toEqual([0, 1, 2, 3, 4, 4]);
  expect(run.inFlight.at(-1)?.users).toBe(0);
  // What is due or answered in the very moment may count or not.
  for (const { users } of run.inFlight.slice(1, 4)) {
    expect(Math.abs(users - 10)).toBeLessThanOrEqual(1);
  }
});
