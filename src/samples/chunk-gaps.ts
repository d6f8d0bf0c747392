import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type FileWriter, fileWriter } from './file-writer.js';
import { PHASES, type Phase } from './outcomes.js';

/** The times between the content chunks of one streamed answer, in order: more of them than a row has columns for. */
export interface ChunkGaps {
  readonly phase: Phase;
  /** End of the answer, µs of the run's clock. */
  readonly endUs: number;
  readonly gapsUs: readonly number[];
}

/** The part of a sink that takes chunk gaps. */
export interface ChunkGapsFile {
  gaps(answer: ChunkGaps): void;
  flush(): void;
  sync(): void;
  close(): void;
}

const HEADER = 'end_us,phase,gaps_us\n';

/**
 * `chunk_gaps.csv`: a line for each streamed answer that succeeded, with the gaps between its chunks in µs and spaces
 * between. There is no file for a run without streams.
 */
export function chunkGapsFile(path: string): ChunkGapsFile {
  let file: FileWriter | undefined;
  let lines = '';

  function flush(): void {
    if (lines !== '') {
      file ??= fileWriter(path);
      file.write(lines);
      lines = '';
    }
  }

  return {
    gaps({ endUs, phase, gapsUs }) {
      lines += `${file === undefined && lines === '' ? HEADER : ''}${Math.floor(endUs)},${phase},${gapsUs.map(Math.round).join(' ')}\n`;
    },
    flush,
    sync: () => file?.sync(),
    close() {
      flush();
      file?.close();
    },
  };
}

/** Reads a `chunk_gaps.csv`; lines that a killed run left torn are dropped. */
export async function readChunkGaps(path: string, take: (answer: ChunkGaps) => void): Promise<void> {
  const input = createReadStream(path, 'utf8');
  let lastByteIsLineEnd = false;
  input.on('data', (part) => {
    lastByteIsLineEnd = String(part).endsWith('\n');
  });
  let waiting: string | undefined;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    takeLine(waiting, take);
    waiting = line;
  }
  takeLine(lastByteIsLineEnd ? waiting : undefined, take);
}

function takeLine(line: string | undefined, take: (answer: ChunkGaps) => void): void {
  const [endUs, word, gaps = ''] = line?.split(',') ?? [];
  const phase = PHASES.find((known) => known === word);
  if (phase !== undefined) {
    take({ endUs: Number(endUs), phase, gapsUs: gaps.split(' ').map(Number) });
  }
}
