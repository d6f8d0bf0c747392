import { ANY_CONNECTION } from './transport.js';

/** Connections that carry one request at a time each, and the requests that wait for one. */
export interface LanePool<Job> {
  /** Gives a job to its connection, or to the one that has been free for longest; false when it has to wait for it. */
  submit(connection: number, job: Job): boolean;
  /** A connection is free again: the next job that may use it starts. */
  release(lane: number): void;
  /** Takes back a job that waits. */
  withdraw(job: Job): void;
  /** Lanes 0 to `count` − 1 are open and free. */
  opened(count: number): void;
}

/** `start` is called with a lane from 0 to `most` − 1 whenever a job begins. */
export function lanePool<Job>(most: number, start: (lane: number, job: Job) => void): LanePool<Job> {
  const busy: boolean[] = [];
  let free: number[] = [];
  let waiting: { readonly connection: number; readonly job: Job }[] = [];

  function anyFree(): number | undefined {
    // A lane that was asked for by number may be busy again.
    for (let lane = free.shift(); lane !== undefined; lane = free.shift()) {
      if (!busy[lane]) {
        return lane;
      }
    }
    return busy.length < most ? busy.length : undefined;
  }

  function begin(lane: number, job: Job): void {
    while (busy.length <= lane) {
      busy.push(false);
    }
    busy[lane] = true;
    start(lane, job);
  }

  return {
    submit(connection, job) {
      const lane = connection === ANY_CONNECTION ? anyFree() : busy[connection] ? undefined : connection;
      if (lane === undefined) {
        waiting.push({ connection, job });
        return false;
      }
      begin(lane, job);
      return true;
    },
    release(lane) {
      busy[lane] = false;
      const next = waiting.findIndex(({ connection }) => connection === ANY_CONNECTION || connection === lane);
      if (next < 0) {
        free.push(lane);
        return;
      }
      const [entry] = waiting.splice(next, 1);
      if (entry) {
        begin(lane, entry.job);
      }
    },
    withdraw(job) {
      waiting = waiting.filter((entry) => entry.job !== job);
    },
    opened(count) {
      while (busy.length < count) {
        free.push(busy.length);
        busy.push(false);
      }
      free = [...new Set(free)];
    },
  };
}
