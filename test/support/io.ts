import { Readable } from 'node:stream';
import type { Io, StopSignal } from '../../src/io.js';

export interface FakeIoOptions {
  readonly argv: readonly string[];
  /** What standard input holds; none when absent. */
  readonly stdin?: string | Uint8Array | NodeJS.ReadableStream;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that is none: output is collected, signals come from `stop`. */
export function fakeIo({ argv, stdin = '', cwd = process.cwd(), env = {} }: FakeIoOptions) {
  const written = { stdout: '', stderr: '' };
  const listeners = new Set<(signal: StopSignal) => void>();
  const input = typeof stdin === 'string' || stdin instanceof Uint8Array ? Readable.from([Buffer.from(stdin)]) : stdin;
  const collect = (name: keyof typeof written) => ({
    write(text: string) {
      written[name] += text;
    },
  });
  const io: Io = {
    argv,
    env,
    cwd,
    stdin: input,
    stdout: collect('stdout'),
    stderr: collect('stderr'),
    onStop(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
  };
  return {
    io,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    stop(signal: StopSignal) {
      for (const listener of listeners) {
        listener(signal);
      }
    },
  };
}
