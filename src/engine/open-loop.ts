import type { Clock } from '../clock.js';
import type { WireRequest } from '../protocols/protocol.js';
import type { OpenSchedule } from '../schedule/arrivals.js';
import { wholeIndex } from '../schedule/shard.js';
import type { Completion, Slip, Transport } from '../transports/transport.js';
import { US_PER_S } from '../units.js';
import {
  type Asked,
  type ExchangeOptions,
  recordAbandoned,
  recordEnd,
  recordUnsent,
  type UnsentOutcome,
} from './exchange.js';
import type { LoopEnd } from './loop.js';
import { type Pacing, pace } from './pacer.js';

export interface OpenLoopOptions extends ExchangeOptions {
  readonly schedule: OpenSchedule;
  readonly clock: Clock;
  readonly transport: Transport;
  readonly pacing: Pacing;
  /** The request with a sequence number, encoded before the run. */
  readonly request: (seq: number) => WireRequest;
  readonly timeoutUs: number;
  /**
   * How long after the end a backlog may still be sent, and how long requests in flight may take once the last was sent
   * before they are abandoned.
   */
  readonly drainUs: number;
  /** A request that is due while so many are in flight is dropped and recorded as such, never delayed. */
  readonly maxInFlight: number;
  /** How many are in flight, in one cell that all workers of a run share. */
  readonly inFlight: Int32Array;
  /** Stops the sending early; what is in flight is drained all the same. */
  readonly stop: AbortSignal;
  /** Requests of this loop in flight, once a second. */
  readonly users: (atUs: number, inFlight: number) => void;
}

/** A place for one request in flight, used again and again so that sending allocates nothing. */
interface Slot {
  readonly slip: Slip;
  seq: number;
  readonly user: 0;
  phase: Asked['phase'];
  intendedUs: number;
  request: WireRequest;
  sentUs: number;
  busy: boolean;
  readonly done: (completion: Completion) => void;
}

/**
 * Sends each request when the schedule says, whatever the server does with those before: latency from the intended
 * start is free of coordinated omission, and includes the lateness of this program, which is recorded beside it.
 */
export function runOpenLoop(options: OpenLoopOptions): Promise<LoopEnd> {
  const { schedule, clock, transport, timeoutUs, maxInFlight, shard } = options;
  const { arrivalsUs, warmupUs } = schedule;
  const endUs = schedule.durationUs;
  const slots: Slot[] = [];
  const free: Slot[] = [];
  /** Those of this loop. */
  let inFlight = 0;
  let stoppedUs: number | undefined;

  return new Promise((resolve) => {
    let cancelDrain = () => {};
    let cancelEnd = () => {};
    let cancelTick = clock.at(0, tick);
    const stopPacing = pace({
      clock,
      pacing: options.pacing,
      dueUs: arrivalsUs,
      send,
      done: () => {
        cancelEnd = clock.at(endUs, () => stopSending(arrivalsUs.length));
      },
    });
    const cancelOverrun = clock.at(endUs + options.drainUs, () => stopSending(stopPacing(), 'not_sent_overrun'));
    const onStop = () => stopSending(stopPacing());
    options.stop.addEventListener('abort', onStop, { once: true });
    if (options.stop.aborted) {
      onStop();
    }

    function tick(): void {
      const nowUs = clock.nowUs();
      options.users(Math.floor(nowUs), inFlight);
      cancelTick = clock.at((Math.floor(nowUs / US_PER_S) + 1) * US_PER_S, tick);
    }

    function send(index: number): void {
      const seq = wholeIndex(shard, index);
      const intendedUs = arrivalsUs[index] as number;
      const request = options.request(seq);
      if (Atomics.add(options.inFlight, 0, 1) >= maxInFlight) {
        Atomics.sub(options.inFlight, 0, 1);
        recordUnsent(options, { seq, user: 0, phase: phaseOf(intendedUs, intendedUs), intendedUs, request }, 'dropped');
        return;
      }
      const slot = free.pop() ?? newSlot();
      slot.seq = seq;
      slot.intendedUs = intendedUs;
      slot.request = request;
      slot.sentUs = clock.nowUs();
      slot.busy = true;
      slot.slip.seq = seq;
      // From the sending: our own lateness must not shorten the time that the target has.
      slot.slip.sentUs = slot.sentUs;
      slot.slip.deadlineUs = slot.sentUs + timeoutUs;
      inFlight++;
      transport.send(request, slot.slip, slot.done);
    }

    function newSlot(): Slot {
      const slot: Slot = {
        // Whichever connection is free.
        slip: { seq: 0, connection: -1, deadlineUs: 0, sentUs: 0 },
        seq: 0,
        user: 0,
        phase: 'measure',
        intendedUs: 0,
        request: undefined as unknown as WireRequest,
        sentUs: 0,
        busy: false,
        done: (completion) => answered(slot, completion),
      };
      slots.push(slot);
      return slot;
    }

    function answered(slot: Slot, completion: Completion): void {
      if (!slot.busy) {
        return;
      }
      land(slot);
      slot.phase = phaseOf(slot.intendedUs, completion.startUs);
      recordEnd(options, slot, completion, completion.startUs);
      free.push(slot);
      endIfDrained();
    }

    function land(slot: Slot): void {
      slot.busy = false;
      inFlight--;
      Atomics.sub(options.inFlight, 0, 1);
    }

    function phaseOf(intendedUs: number, startUs: number): Asked['phase'] {
      return intendedUs < warmupUs ? 'warmup' : startUs > endUs ? 'drain' : 'measure';
    }

    function stopSending(firstUnsent: number, why: UnsentOutcome = 'not_sent_stopped'): void {
      if (stoppedUs !== undefined) {
        return;
      }
      stoppedUs = clock.nowUs();
      cancelEnd();
      cancelOverrun();
      options.stop.removeEventListener('abort', onStop);
      for (let index = firstUnsent; index < arrivalsUs.length; index++) {
        const seq = wholeIndex(shard, index);
        const intendedUs = arrivalsUs[index] as number;
        const asked = {
          seq,
          user: 0,
          phase: phaseOf(intendedUs, intendedUs),
          intendedUs,
          request: options.request(seq),
        };
        recordUnsent(options, asked, why);
      }
      cancelDrain = clock.at(stoppedUs + options.drainUs, abandon);
      endIfDrained();
    }

    function endIfDrained(): void {
      if (stoppedUs !== undefined && inFlight === 0) {
        cancelDrain();
        cancelTick();
        const nowUs = clock.nowUs();
        options.users(Math.floor(nowUs), 0);
        resolve({ planned: arrivalsUs.length, stoppedUs, endedUs: nowUs, lostWorkers: [] });
      }
    }

    function abandon(): void {
      const nowUs = clock.nowUs();
      for (const slot of slots.filter(({ busy }) => busy)) {
        land(slot);
        slot.phase = phaseOf(slot.intendedUs, slot.sentUs);
        recordAbandoned(options, slot, slot.sentUs, nowUs);
      }
      endIfDrained();
    }
  });
}
