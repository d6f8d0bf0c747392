import { Worker } from 'node:worker_threads';
import { BenchError } from '../errors.js';
import { rowMerge } from '../samples/merge.js';
import { blockOver } from '../samples/sample.js';
import type { Load, LoadListener } from './load.js';
import type { LoopEnd } from './loop.js';
import type { FromWorker, ToWorker } from './messages.js';

/**
 * A load in several threads, a plan each: what `program` makes of it is told in the messages. Their rows come as one
 * stream in order of completion. A thread that ends on its own stops the run; what it had in flight is lost, which the
 * result says (`LoopEnd.lostWorkers`).
 */
export function loadInWorkers(program: URL, plans: readonly unknown[]): Load {
  const threads = plans.map((plan) => new Worker(program, { workerData: plan }));
  const tell = (worker: number, message: ToWorker, moved: readonly ArrayBuffer[] = []) =>
    threads[worker]?.postMessage(message, moved);
  const tellAll = (message: ToWorker) => threads.forEach((_, worker) => void tell(worker, message));
  const exited = threads.map((thread) => new Promise<void>((resolve) => thread.once('exit', () => resolve())));

  /** Resolves with what a thread answers, or with the reason why it never will. */
  function answer<Kind extends FromWorker['kind']>(thread: Worker, kind: Kind) {
    return new Promise<Extract<FromWorker, { kind: Kind }>>((resolve, reject) => {
      thread.on('message', (message: FromWorker) => {
        if (message.kind === kind) {
          resolve(message as Extract<FromWorker, { kind: Kind }>);
        } else if (message.kind === 'failed') {
          const { kind: errorKind, message: text, hint } = message.error;
          reject(new BenchError(errorKind, text, hint === undefined ? {} : { hint }));
        }
      });
      thread.once('error', reject);
      thread.once('exit', (code) => reject(new Error(`A worker thread ended with exit code ${code}`)));
    });
  }

  return {
    async open() {
      const opened = threads.map((thread) => answer(thread, 'opened'));
      tellAll({ kind: 'open' });
      await Promise.all(opened);
    },
    async run(anchor, stop, listener) {
      const merge = rowMerge(threads.length, listener.take, (worker, { buffer, capacity }) =>
        tell(worker, { kind: 'block', buffer, capacity }, [buffer]),
      );
      const onStop = () => tellAll({ kind: 'stop' });
      const ends = threads.map(async (thread, worker): Promise<LoopEnd> => {
        const ended = answer(thread, 'ended');
        thread.on('message', (message: FromWorker) => listen(worker, message, merge, listener));
        try {
          return (await ended).end;
        } catch (error) {
          onStop();
          return { ...NOTHING, lostWorkers: [String((error as Error).message)] };
        } finally {
          merge.end(worker);
        }
      });
      stop.addEventListener('abort', onStop, { once: true });
      tellAll({ kind: 'run', anchor });
      if (stop.aborted) {
        onStop();
      }
      const all = await Promise.all(ends);
      stop.removeEventListener('abort', onStop);
      return all.reduce(together);
    },
    async close() {
      tellAll({ kind: 'close' });
      await Promise.all(exited);
    },
  };
}

type Merge = ReturnType<typeof rowMerge>;

function listen(worker: number, message: FromWorker, merge: Merge, listener: LoadListener): void {
  switch (message.kind) {
    case 'rows': {
      const { buffer, capacity, length, changes, untilUs } = message;
      merge.take(worker, blockOver(buffer, capacity, length), changes, untilUs);
      return;
    }
    case 'explained':
      listener.failed(message.outcome, message.detail);
      return;
    case 'gaps':
      listener.gaps(message.answer);
      return;
    case 'watched':
      listener.watched(worker, message.second);
      return;
  }
}

const NOTHING: LoopEnd = { planned: 0, stoppedUs: 0, endedUs: 0, lostWorkers: [] };

function together(a: LoopEnd, b: LoopEnd): LoopEnd {
  return {
    planned: a.planned + b.planned,
    stoppedUs: Math.max(a.stoppedUs, b.stoppedUs),
    endedUs: Math.max(a.endedUs, b.endedUs),
    lostWorkers: [...a.lostWorkers, ...b.lostWorkers],
  };
}
