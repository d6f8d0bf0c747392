import { Command as Commander } from 'commander';
import { allFlags, type Command, type CommandInput } from './commands/command.js';
import { COMMANDS } from './commands/index.js';
import { BenchError, EXIT, type ExitCode, errorCode, fileProblem, usageError, worstExit } from './errors.js';
import { type Flags, nearest } from './flags.js';
import type { Io, StopSignal } from './io.js';
import { VERSION } from './version.js';

const EXIT_CODES = `Exit codes:
  0 ok · 1 a bug · 2 usage, spec or input file · 3 target not reachable
  4 run INVALID, or a threshold without enough samples · 5 results not written
  99 a threshold failed · 130, 143 interrupted
`;

const REPORT_BUGS = 'This is a bug in infer-bench. Please report it with the lines above and the command line.';

/** Runs the command that the arguments ask for and returns its exit code; never throws. */
export async function main(io: Io): Promise<ExitCode> {
  try {
    return await dispatch(io);
  } catch (error) {
    return reportError(io, error);
  }
}

async function dispatch(io: Io): Promise<ExitCode> {
  const [first, ...rest] = io.argv;
  if (first === '--version' || first === '-V') {
    io.stdout.write(`${VERSION}\n`);
    return EXIT.ok;
  }
  if (first === undefined) {
    io.stderr.write(overview(io));
    return EXIT.usage;
  }
  if (first === '--help' || first === '-h' || (first === 'help' && rest.length === 0)) {
    io.stdout.write(overview(io));
    return EXIT.ok;
  }
  const [name, words] = first === 'help' ? [rest[0] as string, ['--help']] : [first, rest];
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry) {
    const near = nearest(name, Object.keys(COMMANDS));
    const what = name.startsWith('-') ? 'flag before the command' : 'command';
    throw usageError([`Unknown ${what}: ${name}${near ? ` (did you mean ${near}?)` : ''}`], {
      hint: `commands: ${Object.keys(COMMANDS).join(', ')}; infer-bench --help explains them`,
    });
  }
  const command = await entry.load();
  const split = splitWords(name, command, words);
  if (split.helpAsked) {
    io.stdout.write(helpOf(io, name, command));
    return EXIT.ok;
  }
  return command.act(io, split);
}

/** Sorts the words of a command line into operands, flags and what is neither. Reading the values is the command's part. */
function splitWords(name: string, command: Command, words: readonly string[]): CommandInput & { helpAsked: boolean } {
  const given = new Map<string, (string | true)[]>();
  const flags = allFlags(command);
  const commander = commanderOf(name, command).option('-h, --help');
  for (const flag of [...Object.keys(flags), 'help']) {
    commander.on(`option:${flag}`, (value: string | null) => {
      given.set(flag, [...(given.get(flag) ?? []), value ?? true]);
    });
  }
  const { operands, unknown } = commander.parseOptions(withNegativeValues(words));
  const problems = unknown
    .filter((word) => word.startsWith('-') && word !== '-' && word !== '--')
    .map((word) => {
      const asked = word.split('=')[0] as string;
      const near = nearest(asked.replace(/^--?/, ''), Object.keys(flags));
      return `Unknown flag ${asked}${near ? ` (did you mean --${near}?)` : ''}`;
    });
  return { operands, given, problems, helpAsked: given.has('help') };
}

/** Ties a value such as `-5s` to the flag before it: it would be taken for a flag, and the true mistake never named. */
function withNegativeValues(words: readonly string[]): string[] {
  return words.reduce<string[]>((tied, word) => {
    const flag = tied.at(-1);
    if (flag?.startsWith('-') && !flag.includes('=') && /^-\.?\d/.test(word)) {
      tied[tied.length - 1] = flag.startsWith('--') ? `${flag}=${word}` : `${flag}${word}`;
      return tied;
    }
    tied.push(word);
    return tied;
  }, []);
}

function commanderOf(name: string, command: Command): Commander {
  const commander = new Commander(`infer-bench ${name}`)
    .usage(`${command.operands}${command.operands ? ' ' : ''}[flags]`)
    .summary(command.summary)
    .description(sentence(command.summary))
    .helpOption(false);
  const groups: readonly (readonly [string, Flags])[] = Object.entries(command.flags);
  const common = Object.fromEntries(
    Object.entries(allFlags(command)).filter(([flag]) => !groups.some(([, flags]) => Object.hasOwn(flags, flag))),
  );
  for (const [heading, flags] of [...groups, ['Output', common] as const]) {
    for (const [flag, { arg, short, help, default: value }] of Object.entries(flags)) {
      // The value is optional for the splitter, so that a missing one is reported together with all other problems.
      const option = commander.createOption(
        `${short ? `-${short}, ` : ''}--${flag}${arg ? ` [${arg}]` : ''}`,
        value === undefined || arg === '' ? help : `${help} (default ${value})`,
      );
      commander.addOption(option.helpGroup(`${heading}:`));
    }
  }
  return commander;
}

function helpOf(io: Io, name: string, command: Command): string {
  const commander = commanderOf(name, command).configureHelp({
    helpWidth: helpWidth(io),
    optionTerm: (option) => option.flags.replace(/[[\]]/g, ''),
  });
  const wrap = (text: string, indent = '') =>
    commander
      .createHelp()
      .boxWrap(text, helpWidth(io) - indent.length)
      .replaceAll(/^/gm, indent);
  const examples = command.examples
    .map(([line, what]) => `${wrap(what, '  # ')}\n${shellLines(`infer-bench ${line}`, helpWidth(io))}`)
    .join('\n');
  const notes = command.notes ? `\n${wrap(paragraphs(command.notes))}\n` : '';
  return `${commander.helpInformation()}\nExamples:\n${examples}\n${notes}\n${EXIT_CODES}`;
}

/**
 * The lines of each paragraph as one, for whoever has more, or fewer, columns than its author. Lines that are indented or
 * have columns are not of a paragraph.
 */
function paragraphs(text: string): string {
  const isProse = (line = '') => /^\S/.test(line) && !line.includes('  ');
  const lines = text.split('\n');
  return lines
    .map((line, index) => `${line}${isProse(line) && isProse(lines[index + 1]) ? ' ' : '\n'}`)
    .join('')
    .trimEnd();
}

/** A command line that can be pasted, continued before a flag where it would be wider than `width`. */
function shellLines(line: string, width: number): string {
  const indent = '  ';
  const lines: string[] = [];
  for (const part of line.split(/ (?=--?[a-z])/)) {
    const last = lines.at(-1);
    if (last !== undefined && indent.length + last.length + part.length + ' '.length + ' \\'.length <= width) {
      lines[lines.length - 1] = `${last} ${part}`;
    } else {
      lines.push(lines.length === 0 ? part : `  ${part}`);
    }
  }
  return lines.map((part) => `${indent}${part}`).join(' \\\n');
}

function overview(io: Io): string {
  const commander = new Commander('infer-bench')
    .usage('<command> [flags]')
    .description('The inference benchmark that refuses to lie.')
    .helpOption(false)
    .helpCommand(false)
    .configureHelp({ helpWidth: helpWidth(io) })
    .option('-V, --version', 'print the version')
    .option('-h, --help', 'this page; after a command, the page of that command');
  for (const [name, { summary }] of Object.entries(COMMANDS)) {
    commander.command(name).summary(summary).helpOption(false);
  }
  return `${commander.helpInformation().replace('[options] ', '')}\n${EXIT_CODES}`;
}

function helpWidth(io: Io): number {
  return Math.min(100, io.stdout.columns ?? 80);
}

function sentence(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

function reportError(io: Io, error: unknown): ExitCode {
  if (!(error instanceof BenchError)) {
    io.stderr.write(`${(error as Error)?.stack ?? String(error)}\n\n${REPORT_BUGS}\n`);
    return EXIT.bug;
  }
  const where = error.path ? `${error.path}: ` : '';
  // An indented line goes on with the one above it.
  const lines = error.message.split('\n').map((line) => (line.startsWith('  ') ? line : `error: ${where}${line}`));
  const hint = error.hint ? [`hint: ${error.hint}`] : [];
  const bug = error.kind === 'bug' ? ['', REPORT_BUGS] : [];
  io.stderr.write(`${[...lines, ...hint, ...bug].join('\n')}\n`);
  return error.exitCode;
}

/** Hands the real process to `main` and sets its exit code. Nothing else ends the process, a second signal excepted. */
export async function runProcess(): Promise<void> {
  const codes: ExitCode[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    // A reader that went away (`| head`) ends the display, not the run; the files hold everything.
    stream.on('error', (error) => {
      if (errorCode(error) !== 'EPIPE' && !codes.includes(EXIT.output)) {
        codes.push(EXIT.output);
        process.exitCode = EXIT.output;
        process.stderr.write(`error: Cannot write the output: ${fileProblem(error)}\n`);
      }
    });
  }
  const code = await main(processIo());
  process.exitCode = code === EXIT.usage || code === EXIT.unreachable ? code : worstExit([...codes, code]);
}

function processIo(): Io {
  return {
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    onStop(callback) {
      let asked = false;
      const stop = (signal: StopSignal) => {
        if (asked) {
          process.exit(signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated);
        }
        asked = true;
        callback(signal);
      };
      const onInt = () => stop('SIGINT');
      const onTerm = () => stop('SIGTERM');
      process.on('SIGINT', onInt).on('SIGTERM', onTerm).on('SIGHUP', onTerm);
      return () => {
        process.off('SIGINT', onInt).off('SIGTERM', onTerm).off('SIGHUP', onTerm);
      };
    },
  };
}
