import type { ExitCode } from '../errors.js';
import { type Flags, type Given, onOff } from '../flags.js';
import type { Io } from '../io.js';

/** One command of the tool. Its file is loaded only when it is the one that was asked for. */
export interface Command {
  readonly summary: string;
  /** The operands as shown in the help, such as `[url]`; empty when it takes none. */
  readonly operands: string;
  /** The flags under the headings of the help. */
  readonly flags: Readonly<Record<string, Flags>>;
  /** Lines under "Examples": command lines without the program's name, each with what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** More text at the end of the help. */
  readonly notes?: string;
  /** Does the work; results to stdout, the rest to stderr. Throws BenchError for what the user can act on. */
  act(io: Io, input: CommandInput): Promise<ExitCode>;
}

/** The command line of one command, split but not yet read. */
export interface CommandInput {
  readonly operands: readonly string[];
  readonly given: Given;
  /** Problems found while splitting, such as unknown flags: to be reported together with all others. */
  readonly problems: readonly string[];
}

/** The flags that every command has. */
export const COMMON_FLAGS = {
  json: onOff({ help: 'print one JSON object on stdout instead of text' }),
  quiet: onOff({ help: 'no progress and no warnings on stderr' }),
  'no-color': onOff({ help: 'plain text, as with NO_COLOR=1' }),
} as const;

/** All flags of a command, its own and the common ones, in one table. */
export function allFlags(command: Pick<Command, 'flags'>): Flags {
  return Object.assign({}, ...Object.values(command.flags), COMMON_FLAGS);
}
