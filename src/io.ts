/** The part of a writable stream that commands use. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export type StopSignal = 'SIGINT' | 'SIGTERM';

/**
 * The one object that holds what a process gives a program: a command that gets it in a test is a plain function.
 * stdout carries results, stderr carries progress and warnings, always.
 */
export interface Io {
  /** The words after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Calls back on the first request to stop; a second one ends the process at once. The returned function unsubscribes. */
  onStop(callback: (signal: StopSignal) => void): () => void;
}

/** Whether a stream takes repainting and colour: a terminal, not in CI, not `TERM=dumb`. */
export function isLive(io: Io, output: Output): boolean {
  return output.isTTY === true && !io.env.CI && io.env.TERM !== 'dumb';
}
