import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from './clock.js';
import { runLoop } from './engine/load.js';
import type { FromWorker, ToWorker } from './engine/messages.js';
import { BenchError } from './errors.js';
import type { Outcome } from './samples/outcomes.js';
import { blockOver, type SampleBlock, sampleBlock } from './samples/sample.js';
import { loopTools, type ThreadPlan } from './spec/thread-plan.js';

/** A message costs more than a row, and the rows are formatted elsewhere: more of them than in a thread that does it all. */
const BLOCK_ROWS = 1024;

/**
 * The entry of a worker thread: makes its tools of the plan, opens its connections when told, runs its shard, and hands
 * its rows over. The clock is that of the main thread.
 */
const port = parentPort as NonNullable<typeof parentPort>;
const plan = workerData as ThreadPlan;
const clock = systemClock();
const stop = new AbortController();
/** Blocks that came back. */
const spare: SampleBlock[] = [];
const explained = new Set<Outcome>();
const tools = loopTools(plan, clock);

function send(message: FromWorker, moved: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, moved);
}

async function open(): Promise<void> {
  try {
    await (await tools).transport.open(plan.connections.atStart);
    send({ kind: 'opened' });
  } catch (error) {
    if (!(error instanceof BenchError)) {
      throw error;
    }
    send({ kind: 'failed', error: { kind: error.kind, message: error.message, hint: error.hint } });
  }
}

async function run(): Promise<void> {
  const end = await runLoop(plan.loop, await tools, stop.signal, {
    blockRows: BLOCK_ROWS,
    take(block, changes, untilUs) {
      const { buffer, capacity, length } = block;
      send({ kind: 'rows', buffer, capacity, length, changes, untilUs }, [buffer]);
      return spare.pop() ?? sampleBlock(capacity);
    },
    failed(outcome, detail) {
      if (!explained.has(outcome)) {
        explained.add(outcome);
        send({ kind: 'explained', outcome, detail });
      }
    },
    gaps: (answer) => send({ kind: 'gaps', answer }),
    watched: (_worker, second) => send({ kind: 'watched', second }),
  });
  send({ kind: 'ended', end });
}

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'open':
      void open();
      return;
    case 'run':
      clock.startAt(message.anchor);
      void run();
      return;
    case 'stop':
      stop.abort();
      return;
    case 'block':
      spare.push(blockOver(message.buffer, message.capacity, 0));
      return;
    case 'close':
      void tools.then(({ transport }) => transport.close()).then(() => port.close());
      return;
  }
});
