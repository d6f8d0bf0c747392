import type { Clock, ClockAnchor } from '../clock.js';
import type { Protocol, WireRequest } from '../protocols/protocol.js';
import type { ChunkGaps } from '../samples/chunk-gaps.js';
import type { ThreadSecond } from '../samples/generator.js';
import type { Outcome } from '../samples/outcomes.js';
import { type HandOver, recorder, type UserChange } from '../samples/recorder.js';
import type { SampleBlock } from '../samples/sample.js';
import type { Schedule } from '../schedule/schedule.js';
import type { Shard } from '../schedule/shard.js';
import type { Transport } from '../transports/transport.js';
import { runClosedLoop } from './closed-loop.js';
import type { LoopEnd } from './loop.js';
import { runOpenLoop } from './open-loop.js';
import type { Pacing } from './pacer.js';
import { watchThread } from './thread-watch.js';

/** What a loop is told of the run, as plain data: it crosses to a worker as it is. */
export interface LoopPlan {
  readonly shard: Shard;
  /** Requests with sequence numbers behind each other that a user of a closed schedule sends without a pause. */
  readonly turn: number;
  /** The shard's part of the schedule. */
  readonly schedule: Schedule;
  /** How due times of an open schedule are met. */
  readonly pacing: Pacing;
  readonly timeoutUs: number;
  readonly drainUs: number;
  /** Of the whole run, whatever the number of workers. */
  readonly maxInFlight: number;
  /** The one cell that counts what is in flight, in memory that all workers share. */
  readonly inFlight: Int32Array;
  /** Connections that users of a closed schedule share; undefined: one each. */
  readonly sharedConnections: number | undefined;
}

/** Who is told what happens while a load runs. */
export interface LoadListener {
  /** Rows in order of completion, and users who came and went; the block is good during the call. */
  take(block: SampleBlock, changes: readonly UserChange[]): void;
  /** Text that explains an outcome: the first of each is enough. */
  failed(outcome: Outcome, detail: string): void;
  /** The times between the chunks of a streamed answer. */
  gaps(answer: ChunkGaps): void;
  /** What a thread that sends tells about itself, once a second. */
  watched(worker: number, second: ThreadSecond): void;
}

/** A load ready to run, in this thread or in several. */
export interface Load {
  /** Opens the connections of the start. Throws BenchError('unreachable'). */
  open(): Promise<void>;
  /** Runs from the moment that the anchor tells to the end of the drain; sending ends early when `stop` aborts. */
  run(anchor: ClockAnchor, stop: AbortSignal, listener: LoadListener): Promise<LoopEnd>;
  close(): Promise<void>;
}

/** What a loop works with in its thread. */
export interface LoopTools {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly protocol: Pick<Protocol, 'decode' | 'via'>;
  /** The request with a sequence number of the whole run, encoded before it. */
  readonly request: (seq: number) => WireRequest;
}

/** Where rows are formatted in the thread that sends: few enough not to keep it from its sockets for long. */
const BLOCK_ROWS = 64;

/** Runs the loop of a plan in this thread, records it in blocks of so many rows and watches the thread while it runs. */
export async function runLoop(
  plan: LoopPlan,
  tools: LoopTools,
  stop: AbortSignal,
  listener: Omit<LoadListener, 'take'> & { readonly take: HandOver; readonly blockRows: number },
): Promise<LoopEnd> {
  const { clock, transport } = tools;
  const { schedule, shard } = plan;
  const records = recorder(clock, listener.blockRows, listener.take);
  const endWatch = watchThread(
    clock,
    () => transport.handshakes.takeMs(),
    (second) => listener.watched(shard.worker, second),
  );
  const common = {
    ...plan,
    ...tools,
    stop,
    room: records.room,
    users: records.users,
    failed: listener.failed,
    gaps: listener.gaps,
  };
  const end =
    schedule.model === 'closed'
      ? await runClosedLoop({ ...common, schedule, connections: plan.sharedConnections })
      : await runOpenLoop({ ...common, schedule });
  endWatch();
  records.close();
  return end;
}

/** A load of one loop, in this thread. */
export function loadHere(plan: LoopPlan, tools: LoopTools, connectionsAtStart: number): Load {
  return {
    open: () => tools.transport.open(connectionsAtStart),
    run: (_anchor, stop, listener) =>
      runLoop(plan, tools, stop, {
        ...listener,
        blockRows: BLOCK_ROWS,
        take(block, changes) {
          listener.take(block, changes);
          return block;
        },
      }),
    close: () => tools.transport.close(),
  };
}
