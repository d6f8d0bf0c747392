import type { UserChange } from './recorder.js';
import { copyRow, type SampleBlock, sampleBlock } from './sample.js';

const BLOCK_ROWS = 4096;

/** Rows of several workers as one stream. */
export interface RowMerge {
  /** What a worker handed over: all that it knows up to `untilUs`. */
  take(worker: number, block: SampleBlock, changes: readonly UserChange[], untilUs: number): void;
  /** A worker has no more. */
  end(worker: number): void;
}

/** What came from one worker and is not merged yet. */
interface Source {
  readonly blocks: SampleBlock[];
  /** The first row of the first block that is still to be merged. */
  row: number;
  changes: UserChange[];
  /** How many users of it are active. */
  users: number;
  untilUs: number;
}

/**
 * Puts the rows of `workers` sources into order of completion and adds up their users. A row waits until every source
 * has told what it has up to the same moment. `release` takes a source's block back once all its rows are merged.
 */
export function rowMerge(
  workers: number,
  out: (block: SampleBlock, changes: readonly UserChange[]) => void,
  release: (worker: number, block: SampleBlock) => void,
): RowMerge {
  const sources: readonly Source[] = Array.from({ length: workers }, () => ({
    blocks: [],
    row: 0,
    changes: [],
    users: 0,
    untilUs: Number.NEGATIVE_INFINITY,
  }));
  const merged = sampleBlock(BLOCK_ROWS);

  function merge(): void {
    const knownUs = sources.reduce((least, { untilUs }) => Math.min(least, untilUs), Number.POSITIVE_INFINITY);
    let changes = mergedChanges(sources, knownUs);
    for (;;) {
      const worker = nextSource(sources, knownUs);
      if (worker === undefined) {
        break;
      }
      const source = sources[worker] as Source;
      const block = source.blocks[0] as SampleBlock;
      copyRow(merged, block, source.row++);
      if (source.row === block.length) {
        source.blocks.shift();
        source.row = 0;
        release(worker, block);
      }
      if (merged.length === merged.capacity) {
        out(merged, changes);
        merged.length = 0;
        changes = [];
      }
    }
    if (merged.length > 0 || changes.length > 0) {
      out(merged, changes);
      merged.length = 0;
    }
  }

  return {
    take(worker, block, changes, untilUs) {
      const source = sources[worker] as Source;
      if (block.length > 0) {
        source.blocks.push(block);
      } else {
        release(worker, block);
      }
      source.changes.push(...changes);
      source.untilUs = untilUs;
      merge();
    },
    end(worker) {
      (sources[worker] as Source).untilUs = Number.POSITIVE_INFINITY;
      merge();
    },
  };
}

/** The source whose next row ended first, if that is known to be the next of all. */
function nextSource(sources: readonly Source[], knownUs: number): number | undefined {
  let first: number | undefined;
  let firstUs = knownUs;
  for (let worker = 0; worker < sources.length; worker++) {
    const { blocks, row } = sources[worker] as Source;
    const [block] = blocks;
    if (block) {
      const endUs = block.endUs[row] as number;
      // What was never sent has no end: its place is when it was due.
      const atUs = endUs >= 0 ? endUs : (block.intendedUs[row] as number);
      if (atUs <= firstUs) {
        first = worker;
        firstUs = atUs;
      }
    }
  }
  return first;
}

/** Changes up to a moment as those of the whole run. */
function mergedChanges(sources: readonly Source[], knownUs: number): UserChange[] {
  const due = sources.flatMap((source) => {
    const known = source.changes.filter(({ atUs }) => atUs <= knownUs);
    source.changes = source.changes.filter(({ atUs }) => atUs > knownUs);
    return known.map((change) => ({ source, ...change }));
  });
  return due
    .sort((a, b) => a.atUs - b.atUs)
    .map(({ source, atUs, users }) => {
      source.users = users;
      return { atUs, users: sources.reduce((sum, one) => sum + one.users, 0) };
    });
}
