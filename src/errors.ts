/** What went wrong, in the user's terms; decides the exit code. */
export type ErrorKind = 'usage' | 'unreachable' | 'output' | 'bug';

/** Exit codes of every command. When several apply, `worstExit` picks one. */
export const EXIT = {
  ok: 0,
  bug: 1,
  usage: 2,
  unreachable: 3,
  invalid: 4,
  output: 5,
  thresholds: 99,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The order in which codes outrank each other: a threshold on invalid data means nothing. */
const PRECEDENCE: readonly ExitCode[] = [
  EXIT.bug,
  EXIT.output,
  EXIT.interrupted,
  EXIT.terminated,
  EXIT.invalid,
  EXIT.thresholds,
];

/** The code that wins when several apply; 0 when none does. */
export function worstExit(codes: readonly ExitCode[]): ExitCode {
  return PRECEDENCE.find((code) => codes.includes(code)) ?? EXIT.ok;
}

export interface BenchErrorOptions {
  /** One line that says what to do. */
  readonly hint?: string;
  /** The flag, file or `file:line` the message is about, where the message does not name it. */
  readonly path?: string;
  readonly cause?: unknown;
}

/**
 * Every failure that the user can act on. The message names the flag or path, what it got and what it wanted; several
 * problems of one input travel together, one per line. A failed request is not an error but an outcome.
 */
export class BenchError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly path: string | undefined;

  constructor(kind: ErrorKind, message: string, options: BenchErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'BenchError';
    this.kind = kind;
    this.hint = options.hint;
    this.path = options.path;
  }

  /** The exit code of a command that ends with this error. */
  get exitCode(): ExitCode {
    return EXIT[this.kind];
  }
}

/** A usage error that lists all problems of one input, one per line. */
export function usageError(problems: readonly string[], options: BenchErrorOptions = {}): BenchError {
  return new BenchError('usage', problems.join('\n'), options);
}

/** The `code` of a Node error (`ENOENT`, `ECONNREFUSED` …), or undefined. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** The reason of a failed file operation in plain words, from its code: Node's own messages repeat the path. */
export function fileProblem(error: unknown): string {
  const code = errorCode(error);
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    EISDIR: 'is a directory',
    ENOTDIR: 'a part of the path is not a directory',
    EEXIST: 'exists already',
    EROFS: 'the file system is read-only',
    ENOSPC: 'no space left on the device',
    EFBIG: 'the file size limit is reached',
    EMFILE: 'too many open files',
  };
  return (code && known[code]) ?? code ?? String((error as Error)?.message ?? error);
}
