/** How a loop ended. */
export interface LoopEnd {
  /** Requests that were planned: issued by users, or in the schedule of an open run. */
  readonly planned: number;
  /** When sending ended, µs. */
  readonly stoppedUs: number;
  /** When the last request was over or abandoned, µs. */
  readonly endedUs: number;
  /** Why worker threads ended before their loop did, a sentence each. */
  readonly lostWorkers: readonly string[];
}
