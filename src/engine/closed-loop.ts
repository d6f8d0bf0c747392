import type { Clock } from '../clock.js';
import type { WireRequest } from '../protocols/protocol.js';
import { wholeIndex } from '../schedule/shard.js';
import type { ClosedSchedule } from '../schedule/users.js';
import type { Completion, Slip, Transport } from '../transports/transport.js';
import { US_PER_MS } from '../units.js';
import { type Asked, type ExchangeOptions, recordAbandoned, recordEnd } from './exchange.js';
import type { LoopEnd } from './loop.js';

/** A user whose connection failed waits at least this long: a dead server would otherwise be hammered without pause. */
const BACK_OFF_US = 100 * US_PER_MS;

export interface ClosedLoopOptions extends ExchangeOptions {
  readonly schedule: ClosedSchedule;
  readonly clock: Clock;
  readonly transport: Transport;
  /** The request with a sequence number, encoded before the run. */
  readonly request: (seq: number) => WireRequest;
  /** So many requests, with sequence numbers behind each other, make one turn of a user, who thinks after it. */
  readonly turn: number;
  readonly timeoutUs: number;
  /** How long requests in flight at the end may take before they are abandoned. */
  readonly drainUs: number;
  /** Connections that the users share; undefined: one each. */
  readonly connections: number | undefined;
  /** Stops the sending early; what is in flight is drained all the same. */
  readonly stop: AbortSignal;
  /** The number of active users changed: users who leave count until their request is done. */
  readonly users: (atUs: number, users: number) => void;
}

interface User {
  /** Its number in the whole run. */
  readonly user: number;
  readonly slip: Slip;
  state: 'away' | 'thinking' | 'waiting';
  /** The schedule wants this user at the moment. */
  wanted: boolean;
  seq: number;
  /** How many requests of its turn are still to be sent. */
  left: number;
  phase: Asked['phase'];
  request: WireRequest;
  /** When its request was sent, which in a closed run is when it was due. */
  intendedUs: number;
  cancelThinking: () => void;
  readonly done: (completion: Completion) => void;
}

/**
 * Runs users who each send, wait for the answer, think and send again, as many at each moment as the schedule says.
 * A user's request is due when it is sent, so a slow server makes users send less: coordinated omission is part of
 * this model and cannot be seen from inside it.
 */
export function runClosedLoop(options: ClosedLoopOptions): Promise<LoopEnd> {
  const { schedule, clock, transport, connections, timeoutUs, shard, turn } = options;
  const users: User[] = [];
  let planned = 0;
  let turns = 0;
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
      const coming: User[] = [];
      for (const [index, user] of users.entries()) {
        user.wanted = index < count;
        if (user.wanted && user.state === 'away') {
          active++;
          coming.push(user);
        } else if (!user.wanted && user.state === 'thinking') {
          user.cancelThinking();
          user.state = 'away';
          user.left = 0;
          active--;
        }
      }
      if (active !== before) {
        options.users(Math.floor(clock.nowUs()), active);
      }
      coming.forEach(send);
    }

    function newUser(index: number): User {
      const user: User = {
        user: wholeIndex(shard, index),
        slip: { seq: 0, connection: connections === undefined ? index : index % connections, deadlineUs: 0, sentUs: 0 },
        state: 'away',
        wanted: false,
        seq: 0,
        left: 0,
        phase: 'measure',
        request: options.request(wholeIndex(shard, 0) * turn),
        intendedUs: 0,
        cancelThinking: () => {},
        done: (completion) => answered(user, completion),
      };
      return user;
    }

    function send(user: User): void {
      user.state = 'waiting';
      waiting++;
      planned++;
      if (user.left > 0) {
        user.seq++;
        user.left--;
      } else {
        user.seq = wholeIndex(shard, turns++) * turn;
        user.left = turn - 1;
      }
      user.slip.seq = user.seq;
      user.request = options.request(user.seq);
      user.intendedUs = clock.nowUs();
      user.phase = user.intendedUs < schedule.warmupUs ? 'warmup' : 'measure';
      user.slip.sentUs = user.intendedUs;
      user.slip.deadlineUs = user.intendedUs + timeoutUs;
      transport.send(user.request, user.slip, user.done);
    }

    function answered(user: User, completion: Completion): void {
      if (user.state !== 'waiting') {
        return;
      }
      waiting--;
      // A user who waits for a shared connection waits for real; else what lies between the handing over and the write
      // is this program's own time, which the answer must not be relieved of.
      recordEnd(options, user, completion, connections === undefined ? user.intendedUs : completion.startUs);
      if (!user.wanted) {
        user.state = 'away';
        user.left = 0;
        active--;
        options.users(Math.floor(completion.endUs), active);
        endIfDrained();
        return;
      }
      user.state = 'thinking';
      const thinkUs = user.left > 0 ? 0 : schedule.thinkTimeUs;
      const pauseUs = Math.max(thinkUs, completion.outcome.startsWith('connect_') ? BACK_OFF_US : 0);
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
        resolve({ planned, stoppedUs, endedUs: clock.nowUs(), lostWorkers: [] });
      }
    }

    function abandon(): void {
      const nowUs = clock.nowUs();
      for (const user of users.filter(({ state }) => state === 'waiting')) {
        user.state = 'away';
        waiting--;
        active--;
        recordAbandoned(options, user, user.intendedUs, nowUs);
      }
      options.users(Math.floor(nowUs), active);
      endIfDrained();
    }
  });
}
