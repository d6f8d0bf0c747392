import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ClosedLoopOptions, runClosedLoop } from '../../../src/engine/closed-loop.js';
import { doubleWave } from '../../../src/patterns/double-wave.js';
import { WHOLE } from '../../../src/schedule/shard.js';
import { userSteps } from '../../../src/schedule/users.js';
import { fakeClock } from '../../support/clock.js';
import { sampleRows } from '../../support/samples.js';
import { type Fate, fakeTransport } from '../../support/transport.js';

const golden: { prism: { users: readonly number[] } } = JSON.parse(
  readFileSync(new URL('../../fixtures/double-wave.json', import.meta.url), 'utf8'),
);

interface Setup extends Partial<ClosedLoopOptions> {
  readonly steps?: readonly (readonly [atS: number, users: number])[];
  readonly durationS?: number;
  readonly thinkMs?: number;
  readonly warmupS?: number;
  readonly fate?: Fate;
}

/** A loop in virtual time that nothing has started yet. */
function loop({
  steps = [[0, 1]],
  durationS = 10,
  thinkMs = 300,
  warmupS = 0,
  fate = () => ({ afterUs: 50_000 }),
  ...rest
}: Setup) {
  const clock = fakeClock();
  const transport = fakeTransport(clock, fate);
  const rows = sampleRows();
  const userChanges: { atUs: number; users: number }[] = [];
  const end = runClosedLoop({
    schedule: {
      model: 'closed',
      steps: steps.map(([atS, users]) => ({ atUs: atS * 1e6, users })),
      warmupUs: warmupS * 1e6,
      durationUs: durationS * 1e6,
      thinkTimeUs: thinkMs * 1000,
    },
    clock,
    transport,
    protocol: { via: 'http', decode: () => ({ outcome: 'ok' }) },
    request: (seq) => ({ method: 'GET', path: `/${seq}`, headers: {}, body: null, batch: 1 }),
    turn: 1,
    timeoutUs: 10e6,
    drainUs: 30e6,
    connections: undefined,
    stop: new AbortController().signal,
    room: rows.room,
    shard: WHOLE,
    users: (atUs, users) => userChanges.push({ atUs, users }),
    ...rest,
  });
  const usersAt = (us: number) => userChanges.findLast(({ atUs }) => atUs <= us)?.users ?? 0;
  return {
    clock,
    transport,
    get samples() {
      return rows.samples();
    },
    userChanges,
    usersAt,
    end,
  };
}

describe('users in virtual time', () => {
  it('follow the double wave exactly at each whole second', async () => {
    const curve = doubleWave({ min: 2, peakOne: 15, peakTwo: 60, durationUs: 120e6 });
    const run = loop({ steps: userSteps(curve).map(({ atUs, users }) => [atUs / 1e6, users]), durationS: 120 });
    run.clock.runUntil(200e6);
    await run.end;
    // Users who leave finish their request of 50 ms first.
    const users = golden.prism.users.map((_, second) => run.usersAt(second * 1e6 + 100_000));
    expect(users).toEqual(golden.prism.users);
  });

  it('send as many requests as a closed loop can: 1241 user-seconds / (think + service)', async () => {
    const curve = doubleWave({ min: 2, peakOne: 15, peakTwo: 60, durationUs: 120e6 });
    const run = loop({ steps: userSteps(curve).map(({ atUs, users }) => [atUs / 1e6, users]), durationS: 120 });
    run.clock.runUntil(200e6);
    await run.end;
    // Each of the 58 changes starts or ends some cycles early: 1241 / 0.35 = 3546, within 3 %.
    expect(Math.abs(run.samples.length / 3546 - 1)).toBeLessThan(0.03);
  });

  it('think between an answer and the next request', async () => {
    const run = loop({ durationS: 1 });
    run.clock.runUntil(5e6);
    await run.end;
    expect(run.transport.sent.map(({ atUs }) => atUs)).toEqual([0, 350_000, 700_000]);
  });

  it('send at once without think time', async () => {
    const run = loop({ durationS: 1, thinkMs: 0 });
    run.clock.runUntil(5e6);
    await run.end;
    expect(run.transport.sent.map(({ atUs }) => atUs)).toEqual(Array.from({ length: 20 }, (_, n) => n * 50_000));
  });

  it('each keep to a connection of their own', async () => {
    const run = loop({ steps: [[0, 3]], durationS: 2 });
    run.clock.runUntil(5e6);
    await run.end;
    for (const { slip } of run.transport.sent) {
      expect(slip.connection).toBe(run.samples.find(({ seq }) => seq === slip.seq)?.user);
    }
    expect(new Set(run.samples.map(({ user }) => user)).size).toBe(3);
  });

  it('who leave finish their request, and count until then', async () => {
    const run = loop({
      steps: [
        [0, 2],
        [1, 1],
      ],
      durationS: 4,
      fate: () => ({ afterUs: 1_500_000 }),
    });
    run.clock.runUntil(10e6);
    const { planned } = await run.end;
    expect(run.userChanges.slice(0, 2)).toEqual([
      { atUs: 0, users: 2 },
      { atUs: 1_500_000, users: 1 },
    ]);
    expect(run.samples.filter(({ outcome }) => outcome === 'ok').length).toBe(planned);
  });

  it('who are wanted again while they finish stay', async () => {
    const run = loop({
      steps: [
        [0, 2],
        [1, 1],
        [2, 2],
      ],
      durationS: 5,
      fate: () => ({ afterUs: 2_500_000 }),
    });
    run.clock.runUntil(20e6);
    await run.end;
    expect(run.userChanges[0]).toEqual({ atUs: 0, users: 2 });
    expect(run.userChanges.filter(({ atUs }) => atUs < 5e6).length).toBe(1);
  });

  it('who think when they are not wanted any more leave at once', async () => {
    const run = loop({
      steps: [
        [0, 5],
        [1, 0],
        [2, 1],
      ],
      durationS: 3,
      thinkMs: 5_000,
    });
    run.clock.runUntil(20e6);
    await run.end;
    expect(run.usersAt(1e6)).toBe(0);
    expect(run.usersAt(2e6)).toBe(1);
  });
});

describe('turns of several requests', () => {
  const seqs = (run: ReturnType<typeof loop>, user: number) =>
    run.samples.filter((one) => one.user === user).map(({ seq }) => seq);

  it('are sent by one user each, behind each other, who thinks after the last', async () => {
    const run = loop({ durationS: 1, turn: 2 });
    run.clock.runUntil(5e6);
    await run.end;
    expect(run.transport.sent.map(({ atUs, slip }) => [slip.seq, atUs / 1000])).toEqual([
      [0, 0],
      [1, 50],
      [2, 400],
      [3, 450],
      [4, 800],
      [5, 850],
    ]);
  });

  it('have sequence numbers that follow each other, whatever other users and workers do', async () => {
    const runs = [0, 1].map((worker) =>
      loop({ steps: [[0, 3]], durationS: 5, turn: 3, thinkMs: 10, shard: { worker, workers: 2 } }),
    );
    for (const run of runs) {
      run.clock.runUntil(20e6);
      await run.end;
      for (const user of new Set(run.samples.map((one) => one.user))) {
        const own = seqs(run, user);
        expect(own.length).toBeGreaterThan(10);
        for (const [index, seq] of own.entries()) {
          expect(seq % 3).toBe(index % 3);
          expect(seq).toBe((own[index - (index % 3)] as number) + (index % 3));
        }
      }
    }
    const all = runs.flatMap((run) => run.samples.map(({ seq }) => seq));
    expect(new Set(all).size).toBe(all.length);
  });

  it('are broken off where the user leaves, and begun anew where one comes back', async () => {
    const run = loop({
      steps: [
        [0, 1],
        [1, 0],
        [2, 1],
      ],
      durationS: 4,
      turn: 2,
      fate: ({ slip }) => ({ afterUs: slip.seq === 0 ? 1_500_000 : 50_000 }),
    });
    run.clock.runUntil(20e6);
    const { planned } = await run.end;
    expect(seqs(run, 0).slice(0, 3)).toEqual([0, 2, 3]);
    expect(run.samples.length).toBe(planned);
  });
});

it('users share connections where there are fewer', async () => {
  const run = loop({ steps: [[0, 5]], durationS: 1, connections: 2 });
  run.clock.runUntil(5e6);
  await run.end;
  expect(new Set(run.transport.sent.map(({ slip }) => slip.connection))).toEqual(new Set([0, 1]));
});

it('requests that are due before the end of the warm-up are marked', async () => {
  const run = loop({ durationS: 2, warmupS: 1 });
  run.clock.runUntil(5e6);
  await run.end;
  for (const { phase, intendedUs } of run.samples) {
    expect(phase).toBe(intendedUs < 1e6 ? 'warmup' : 'measure');
  }
  expect(new Set(run.samples.map(({ phase }) => phase)).size).toBe(2);
});

describe('the end of the loop', () => {
  it('waits for what is in flight and issues nothing new', async () => {
    const run = loop({ durationS: 1, fate: () => ({ afterUs: 3e6 }) });
    run.clock.runUntil(20e6);
    const end = await run.end;
    expect(end).toMatchObject({ planned: 1, stoppedUs: 1e6, endedUs: 3e6 });
    expect(run.samples.map(({ outcome }) => outcome)).toEqual(['ok']);
  });

  it('abandons what the drain does not see answered, and ignores its answer', async () => {
    const run = loop({ steps: [[0, 3]], durationS: 1, drainUs: 2e6, fate: () => ({ afterUs: 5e6 }) });
    run.clock.runUntil(20e6);
    const end = await run.end;
    expect(end.endedUs).toBe(3e6);
    expect(run.samples.map(({ outcome, endUs, origin }) => ({ outcome, endUs, origin }))).toEqual(
      Array.from({ length: 3 }, () => ({ outcome: 'abandoned', endUs: 3e6, origin: 'target' })),
    );
    expect(run.usersAt(4e6)).toBe(0);
  });

  it('comes early when asked to stop', async () => {
    const stopping = new AbortController();
    const run = loop({ steps: [[0, 4]], durationS: 60, stop: stopping.signal });
    run.clock.runUntil(2_020_000);
    stopping.abort();
    const sent = run.transport.sent.length;
    run.clock.runUntil(100e6);
    const end = await run.end;
    expect(end.stoppedUs).toBe(2_020_000);
    expect(run.transport.sent.length).toBe(sent);
    expect(run.samples.length).toBe(end.planned);
  });

  it('comes at once when the stop was asked for before the start', async () => {
    const run = loop({ stop: AbortSignal.abort() });
    run.clock.runUntil(20e6);
    expect(await run.end).toMatchObject({ planned: 0, stoppedUs: 0, endedUs: 0 });
  });
});

describe('a sample', () => {
  it('is due when it is sent: a closed run has no schedule of requests', async () => {
    const run = loop({ durationS: 3 });
    run.clock.runUntil(20e6);
    await run.end;
    expect(run.samples.length).toBeGreaterThan(5);
    for (const { intendedUs, startUs, endUs } of run.samples) {
      expect(intendedUs).toBe(startUs);
      expect((endUs as number) - (startUs as number)).toBe(50_000);
    }
  });

  it('of an answer with the wrong shape is a failure of the target', async () => {
    const texts: string[] = [];
    const run = loop({
      durationS: 1,
      protocol: { via: 'http', decode: () => ({ outcome: 'schema_mismatch', detail: 'Got no labels' }) },
      failed: (_outcome, text) => texts.push(text),
    });
    run.clock.runUntil(20e6);
    await run.end;
    expect(run.samples[0]).toMatchObject({ outcome: 'schema_mismatch', origin: 'target', status: 200 });
    expect(texts[0]).toBe('Got no labels');
  });

  it('has sequence numbers without a gap', async () => {
    const run = loop({ steps: [[0, 7]], durationS: 5 });
    run.clock.runUntil(20e6);
    const { planned } = await run.end;
    expect(run.samples.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(
      Array.from({ length: planned }, (_, n) => n),
    );
  });
});

it('a user whose connection is refused waits a while, also without think time', async () => {
  const run = loop({
    durationS: 1,
    thinkMs: 0,
    fate: () => ({ afterUs: 100, outcome: 'connect_refused', origin: 'network' }),
  });
  run.clock.runUntil(5e6);
  await run.end;
  expect(run.samples.length).toBe(10);
});

it('the deadline of a request is its start and the timeout', async () => {
  const run = loop({ durationS: 1, timeoutUs: 2e6 });
  run.clock.runUntil(5e6);
  await run.end;
  expect(run.transport.sent.map(({ slip, atUs }) => slip.deadlineUs - atUs)).toEqual([2e6, 2e6, 2e6]);
});

it('an answer after its deadline is a timeout, however late this program looked at its timers', async () => {
  const run = loop({ durationS: 1, timeoutUs: 40_000 });
  run.clock.runUntil(5e6);
  await run.end;
  expect(run.samples.length).toBeGreaterThan(1);
  expect(new Set(run.samples.map(({ outcome, origin }) => `${outcome} ${origin}`))).toEqual(
    new Set(['timeout_total target']),
  );
});

it('what lies between the handing over and the write belongs to the latency', async () => {
  const run = loop({ durationS: 1, fate: ({ atUs }) => ({ afterUs: 50_000, startUs: atUs + 20_000 }) });
  run.clock.runUntil(5e6);
  await run.end;
  for (const { intendedUs, startUs, endUs } of run.samples) {
    expect([startUs, (endUs as number) - intendedUs]).toEqual([intendedUs, 50_000]);
  }
});
