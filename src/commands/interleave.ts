import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BenchError, EXIT, type ExitCode, fileProblem, usageError } from '../errors.js';
import type { Io } from '../io.js';
import { random } from '../random.js';
import { readRunSpec } from '../spec/run-spec.js';
import { formatDuration } from '../units.js';
import type { CommandInput } from './command.js';
import { INTERLEAVE_FILE, INTERLEAVE_SCHEMA } from './compared-runs.js';
import { makeDirectory } from './run-directory.js';

export interface InterleaveOptions {
  /** Spec files or URLs of base and head. */
  readonly sides: readonly [base: string, head: string];
  /** Settings for what is given as a URL. */
  readonly file: string | undefined;
  readonly pairs: number;
  readonly blockUs: number;
  readonly out: string;
  readonly seed: number;
  readonly quiet: boolean;
  /** Does one run as `infer-bench run` would. */
  readonly run: (io: Io, input: CommandInput) => Promise<ExitCode>;
}

type SideName = 'base' | 'head';

/**
 * The order of the blocks: in each group of two pairs A B B A or B A A B, drawn, so that what changes evenly with time
 * is the same on both sides, and no rhythm of the machine can side with one of them.
 */
export function blockOrder(pairs: number, seed: number): readonly { readonly pair: number; readonly side: SideName }[] {
  const source = random(seed, 'interleaving');
  let first: SideName = 'base';
  return Array.from({ length: pairs }, (_, pair) => {
    first = pair % 2 === 1 ? other(first) : source.below(2) === 0 ? 'base' : 'head';
    return [
      { pair, side: first },
      { pair, side: other(first) },
    ];
  }).flat();
}

function other(side: SideName): SideName {
  return side === 'base' ? 'head' : 'base';
}

/**
 * Runs base and head in alternating blocks, each a run directory of its own: OUT/base/01, OUT/head/01 and so on. Both
 * specs are read before anything is sent. Returns 130 or 143 when the user stopped it, else 0. Throws BenchError.
 */
export async function interleave(io: Io, options: InterleaveOptions): Promise<ExitCode> {
  const { pairs, out, seed, quiet, sides } = options;
  const inputs = { base: inputOf(options, sides[0]), head: inputOf(options, sides[1]) };
  const problems = (['base', 'head'] as const).flatMap((side) => specProblems(io, inputs[side]('unused'), sides, side));
  if (problems.length > 0) {
    throw usageError(problems);
  }
  prepare(io, options);
  const order = blockOrder(pairs, seed);
  const width = String(pairs).length;
  const silent: Io = { ...io, stdout: { write() {} } };
  for (const [index, { pair, side }] of order.entries()) {
    const directory = join(out, side, String(pair + 1).padStart(Math.max(2, width), '0'));
    if (!quiet) {
      io.stderr.write(`block ${index + 1} of ${order.length}: ${side}, ${directory}/\n`);
    }
    const code = await options.run(silent, inputs[side](directory));
    if (code === EXIT.interrupted || code === EXIT.terminated) {
      return code;
    }
    if (code === EXIT.bug || code === EXIT.output) {
      throw new BenchError('output', `Cannot go on after block ${directory}: its run ended with exit code ${code}`);
    }
  }
  return EXIT.ok;
}

/** The command line of a side's blocks, by their directory. */
function inputOf({ blockUs, file }: InterleaveOptions, side: string): (directory: string) => CommandInput {
  const url = /^[a-z]+:\/\//i.test(side);
  const spec = url ? file : side;
  return (directory) => ({
    operands: url ? [side] : [],
    given: new Map<string, readonly (string | true)[]>([
      ...(spec === undefined ? [] : [['file', [spec]] as const]),
      ['duration', [formatDuration(blockUs)]],
      ['out', [directory]],
      ['quiet', ['true']],
      ['report', ['none']],
    ]),
    problems: [],
  });
}

function specProblems(
  io: Io,
  input: CommandInput,
  sides: readonly [string, string],
  side: SideName,
): readonly string[] {
  try {
    readRunSpec({ ...input, cwd: io.cwd });
    return [];
  } catch (error) {
    if (!(error instanceof BenchError)) {
      throw error;
    }
    const name = sides[side === 'base' ? 0 : 1];
    return error.message.split('\n').map((line) => `${side} ${name}: ${line}`);
  }
}

/** Makes the directory and notes in it what is where. Throws BenchError. */
function prepare(io: Io, { out, sides, pairs, blockUs, seed }: InterleaveOptions): void {
  const root = resolve(io.cwd, out);
  if (existsSync(root) && readdirSync(root).length > 0) {
    throw new BenchError('usage', `Cannot write --out ${out}: it is not empty`, { hint: 'choose a new directory' });
  }
  try {
    for (const side of ['base', 'head']) {
      makeDirectory(join(root, side));
    }
    const content = {
      schema: INTERLEAVE_SCHEMA,
      sides: { base: sides[0], head: sides[1] },
      pairs,
      block_us: blockUs,
      seed,
    };
    writeFileSync(join(root, INTERLEAVE_FILE), `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    throw new BenchError('output', `Cannot write --out ${out}: ${fileProblem(error)}`, { cause: error });
  }
}
