import type { Clock } from '../clock.js';
import type { Protocol, WireRequest } from '../protocols/protocol.js';
import type { Sample } from '../samples/sample.js';
import type { ClosedSchedule } from '../schedule/users.js';
import type { Completion, Slip, Transport } from '../transports/transport.js';
import { US_PER_MS } from '../units.js';

/** A user whose connection failed waits at least this long: a dead server would otherwise be hammered without pause. */
const BACK_OFF_US = 100 * US_PER_MS;

export interface ClosedLoopOptions {
  readonly schedule: ClosedSchedule;
  readonly clock: Clock;
  readonly transport: Transport;
  readonly protocol: Pick<Protocol, 'decode'>;
  /** The request with a sequence number, encoded before the run. */
  readonly request: (seq: number) => WireRequest;
  /** Whether answers are decoded and checked. */
  readonly check: boolean;
  readonly timeoutUs: number;
  /** How long requests in flight at the end may take before they are abandoned. */
  readonly drainUs: number;
  /** Stops the sending early; what is in flight is drained all the same. */
  readonly stop: AbortSignal;
  readonly record: (sample: Sample) => void;
  /** The number of active users changed: users who leave count until their request is done. */
  readonly users: (atUs: number, users: number) => void;
  /** Text that explains a failed request. */
  readonly failed?: (outcome: Sample['outcome'], detail: string) => void;
}

export interface LoopEnd {
  /** Requests that users issued. */
  readonly planned: number;
  /** When the last request was over or abandoned. */
  readonly endedUs: number;
  /** When sending ended. */
  readonly stoppedUs: number;
}

interface User {
  readonly index: number;
  readonly slip: Slip;
  state: 'away' | 'thinking' | 'waiting';
  /** The schedule wants this user at the moment. */
  wanted: boolean;
  seq: number;
  request: WireRequest | undefined;
  sentUs: number;
  cancelThinking: () => void;
  readonly done: (completion: Completion) => void;
}

/**
 * Runs users who each send, wait for the answer, think and send again, as many at each moment as the schedule says.
 * A user's request is due when it is sent, so a slow server makes users send less: coordinated omission is part of
 * this model and cannot be seen from inside it.
 */
export function runClosedLoop(options: ClosedLoopOptions): Promise<LoopEnd> {
  const { schedule, clock, transport, protocol, check, timeoutUs } = options;
  const users: User[] = [];
  let planned = 0;
  let active = 0;
  let waiting = 0;
  let stoppedUs: number | undefined;

  return new Promise((resolve) => {
    let nextStep = 0;
    let cancelStep = clock.at(0, takeStep);
    let cancelDrain = () => {};
    const onStop = () => stopSending();
    options.stop.addEventListener('abort', onStop, { once: true });
    if (options.stop.aborted) {
      stopSending();
    }

    function takeStep(): void {
      const step = schedule.steps[nextStep++];
      if (!step) {
        stopSending();
        return;
      }
      wantUsers(step.users);
      cancelStep = clock.at(schedule.steps[nextStep]?.atUs ?? schedule.durationUs, takeStep);
    }

    function wantUsers(count: number): void {
      while (users.length < count) {
        users.push(newUser(users.length));
      }
      const before = active;
      for (const user of users) {
        user.wanted = user.index < count;
        if (user.wanted && user.state === 'away') {
          active++;
          send(user);
        } else if (!user.wanted && user.state === 'thinking') {
          user.cancelThinking();
          user.state = 'away';
          active--;
        }
      }
      if (active !== before) {
        options.users(Math.floor(clock.nowUs()), active);
      }
    }

    function newUser(index: number): User {
      const user: User = {
        index,
        slip: { seq: 0, connection: index, deadlineUs: 0 },
        state: 'away',
        wanted: false,
        seq: 0,
        request: undefined,
        sentUs: 0,
        cancelThinking: () => {},
        done: (completion) => answered(user, completion),
      };
      return user;
    }

    function send(user: User): void {
      user.state = 'waiting';
      waiting++;
      user.seq = planned++;
      user.slip.seq = user.seq;
      user.request = options.request(user.seq);
      user.sentUs = clock.nowUs();
      user.slip.deadlineUs = user.sentUs + timeoutUs;
      transport.send(user.request, user.slip, user.done);
    }

    function answered(user: User, completion: Completion): void {
      if (user.state !== 'waiting') {
        return;
      }
      waiting--;
      const decoded =
        check && completion.response
          ? protocol.decode(completion.response, (user.request as WireRequest).batch)
          : undefined;
      const failure = decoded && decoded.outcome !== 'ok' ? decoded : undefined;
      const outcome = failure?.outcome ?? completion.outcome;
      const detail = failure?.detail ?? completion.detail;
      if (outcome !== 'ok' && detail) {
        options.failed?.(outcome, detail);
      }
      options.record(sampleOf(user, completion, outcome, failure ? 'target' : completion.origin));
      if (!user.wanted) {
        user.state = 'away';
        active--;
        options.users(Math.floor(completion.endUs), active);
        endIfDrained();
        return;
      }
      user.state = 'thinking';
      const pauseUs = Math.max(schedule.thinkTimeUs, completion.outcome.startsWith('connect_') ? BACK_OFF_US : 0);
      if (pauseUs === 0) {
        send(user);
      } else {
        user.cancelThinking = clock.at(completion.endUs + pauseUs, () => send(user));
      }
    }

    function stopSending(): void {
      if (stoppedUs !== undefined) {
        return;
      }
      stoppedUs = clock.nowUs();
      cancelStep();
      options.stop.removeEventListener('abort', onStop);
      wantUsers(0);
      cancelDrain = clock.at(stoppedUs + options.drainUs, abandon);
      endIfDrained();
    }

    function endIfDrained(): void {
      if (stoppedUs !== undefined && waiting === 0) {
        cancelDrain();
        resolve({ planned, stoppedUs, endedUs: clock.nowUs() });
      }
    }

    function abandon(): void {
      const nowUs = clock.nowUs();
      for (const user of users.filter(({ state }) => state === 'waiting')) {
        user.state = 'away';
        waiting--;
        active--;
        options.record(sampleOf(user, { startUs: user.sentUs, endUs: nowUs, bytesIn: 0 }, 'abandoned', 'target'));
      }
      options.users(Math.floor(nowUs), active);
      endIfDrained();
    }
  });
}

function sampleOf(
  user: User,
  end: Pick<Completion, 'startUs' | 'endUs' | 'bytesIn'> & Partial<Completion>,
  outcome: Sample['outcome'],
  origin: Sample['origin'],
): Sample {
  const request = user.request as WireRequest;
  const startUs = Math.floor(end.startUs);
  return {
    seq: user.seq,
    user: user.index,
    worker: 0,
    phase: 'measure',
    // There is no schedule of requests in a closed run: a request is due when its user gets to send it.
    intendedUs: startUs,
    startUs,
    firstByteUs: end.firstByteUs === undefined ? undefined : Math.floor(end.firstByteUs),
    endUs: Math.floor(end.endUs),
    outcome,
    origin,
    status: end.status,
    batch: request.batch,
    bytesOut: request.body?.length ?? 0,
    bytesIn: end.bytesIn,
    reused: end.reused,
  };
}
