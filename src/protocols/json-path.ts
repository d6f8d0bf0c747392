import { FlagProblem } from '../flags.js';
import { shown } from './json.js';

/** One step of a path: into a member, to a place of a list (negative: from its end), or to every element or member. */
export type Step =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'every' };

/** What an answer has to say. */
export interface Expectation {
  /** As the user wrote it. */
  readonly text: string;
  readonly steps: readonly Step[];
  /** What each selected value has to be; absent: there only has to be one. */
  readonly wanted?: { readonly text: string; readonly value: unknown };
}

/** `--expect`: a check of a JSON answer, the same for all protocols that have it. */
export const EXPECT_FLAG = {
  arg: "'JSONPATH[=VALUE]'",
  help: "what a JSON answer has to hold, such as '$.label=joy', '$.scores[0]' or '$.items[*].ok=true'; may be repeated",
  repeatable: true,
  parse: parseExpectation,
} as const;

const STEP =
  /^(?:\.([\p{L}_$@][\p{L}\p{N}_$@-]*)|\[(-?\d{1,9})\]|\[('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]|(?:\[\*\]|\.\*))/u;

/**
 * Reads `$.a['b c'][0][-1][*]` with an optional `=VALUE`: members by name, places of lists, and `[*]` or `.*` for every
 * element or member; RFC 9535 without filters, slices and descendants. The value is JSON, or text when it is none.
 */
export function parseExpectation(text: string): Expectation {
  if (!text.startsWith('$')) {
    throw new FlagProblem("must be a JSONPath from the root and a value, such as '$.label=joy'");
  }
  const steps: Step[] = [];
  let rest = text.slice(1);
  while (rest !== '' && !rest.startsWith('=')) {
    const match = STEP.exec(rest);
    if (!match) {
      throw new FlagProblem(
        `must be a path of members (.name, ['any name']), places ([0], [-1]) and [*]: cannot read ${JSON.stringify(rest)}`,
      );
    }
    const [whole, name, place, quoted] = match;
    if (name !== undefined) {
      steps.push({ kind: 'member', name });
    } else if (place !== undefined) {
      steps.push({ kind: 'index', index: Number(place) });
    } else if (quoted !== undefined) {
      steps.push({ kind: 'member', name: quoted.slice(1, -1).replace(/\\(.)/g, '$1') });
    } else {
      steps.push({ kind: 'every' });
    }
    rest = rest.slice(whole.length);
  }
  return rest === '' ? { text, steps } : { text, steps, wanted: wantedOf(rest.slice(1)) };
}

function wantedOf(text: string): { readonly text: string; readonly value: unknown } {
  try {
    return { text, value: JSON.parse(text) };
  } catch {
    return { text, value: text };
  }
}

/**
 * Why an answer does not hold what was expected; undefined when it does. A path has to select a value, and each one it
 * selects has to be the wanted one: equal as JSON, and a text also when it reads as the value was typed.
 */
export function expectationProblem(answer: unknown, expectations: readonly Expectation[]): string | undefined {
  for (const { text, steps, wanted } of expectations) {
    const found = select(answer, steps);
    if (found.length === 0) {
      return `Expected ${text}: there is no such value`;
    }
    const odd = wanted && found.find((value) => !isEqual(value, wanted.value) && value !== wanted.text);
    if (odd !== undefined) {
      return `Expected ${text}: got ${shown(odd)}`;
    }
  }
  return undefined;
}

/** All values that a path leads to. */
function select(root: unknown, steps: readonly Step[]): readonly unknown[] {
  return steps.reduce<readonly unknown[]>((values, step) => values.flatMap((value) => stepInto(value, step)), [root]);
}

function stepInto(value: unknown, step: Step): readonly unknown[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  switch (step.kind) {
    case 'member':
      return !Array.isArray(value) && Object.hasOwn(value, step.name)
        ? [(value as Record<string, unknown>)[step.name]]
        : [];
    case 'index': {
      const found: unknown = Array.isArray(value) ? value.at(step.index) : undefined;
      return found === undefined ? [] : [found];
    }
    case 'every':
      return Object.values(value);
  }
}

/** Whether two values are equal as JSON; goes no deeper than the second, which no server decides. */
function isEqual(value: unknown, wanted: unknown): boolean {
  if (value === wanted) {
    return true;
  }
  if (!isContainer(value) || !isContainer(wanted) || Array.isArray(value) !== Array.isArray(wanted)) {
    return false;
  }
  const keys = Object.keys(wanted);
  return (
    Object.keys(value).length === keys.length &&
    keys.every((key) => Object.hasOwn(value, key) && isEqual(value[key], wanted[key]))
  );
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
