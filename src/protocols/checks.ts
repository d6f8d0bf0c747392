import type { Expected, Item } from '../datasets/dataset.js';
import { shown } from './json.js';
import { DECODED_OK, type Protocol, type Request } from './protocol.js';

/** What of each answer is checked: nothing, its datatype and shape, or its values against those of golden answers or of the first answer to the same payload. */
export interface CheckPlan {
  readonly level: 'none' | 'shape' | 'golden' | 'first';
  /** How far a number may be from the right one: so much times the right one's size, or times 1 where it is smaller. */
  readonly toleranceRatio: number;
}

/**
 * A codec whose `decode` checks what the plan says: it finds wrong answers too, or takes every answer for right. Each
 * thread that uses it has first answers of its own.
 */
export function checked(protocol: Protocol, { level, toleranceRatio }: CheckPlan): Protocol {
  const { answers } = protocol;
  if (level === 'none') {
    return { ...protocol, decode: protocol.tells ? unchecked(protocol) : () => DECODED_OK };
  }
  if (!answers || level === 'shape') {
    return protocol;
  }
  const firsts = new WeakMap<Request, readonly Expected[]>();
  return {
    ...protocol,
    decode(response, request) {
      const decoded = protocol.decode(response, request);
      if (decoded.outcome !== 'ok') {
        return decoded;
      }
      const problem = wrongAnswer(() => {
        const got = answers(response, request);
        const wanted = level === 'golden' ? request.expected : firsts.get(request);
        if (level === 'first' && !wanted) {
          firsts.set(
            request,
            got.map((values) => ({ values })),
          );
        }
        return answersProblem(got, wanted ?? [], toleranceRatio);
      });
      return problem === undefined ? decoded : { ...decoded, outcome: 'wrong_output', detail: problem };
    },
  };
}

/** What an answer says beside whether it is right. */
function unchecked({ decode }: Protocol): Protocol['decode'] {
  return (response, request) => {
    const { detail: _detail, ...decoded } = decode(response, request);
    return { ...decoded, ...DECODED_OK };
  };
}

/** A codec whose requests know the right answers of their items. */
export function expecting(protocol: Protocol): Protocol {
  return {
    ...protocol,
    encode(items: readonly Item[]) {
      return { ...protocol.encode(items), expected: items.map(({ expected }) => expected) };
    },
  };
}

/** A server decides how deep its answers are nested: one that no stack holds is no right answer. */
function wrongAnswer(problemOf: () => string | undefined): string | undefined {
  try {
    return problemOf();
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
    return `The answer cannot be compared: ${error.message}`;
  }
}

function answersProblem(
  got: readonly unknown[],
  wanted: readonly (Expected | undefined)[],
  toleranceRatio: number,
): string | undefined {
  for (const [index, expected] of wanted.entries()) {
    const problem = expected && answerProblem(got[index], expected, toleranceRatio);
    if (problem !== undefined) {
      return `Item ${index}: ${problem}`;
    }
  }
  return undefined;
}

function answerProblem(got: unknown, expected: Expected, toleranceRatio: number): string | undefined {
  if (!('label' in expected)) {
    return difference(got, expected.values, toleranceRatio);
  }
  const label = labelOf(got);
  return label === expected.label ? undefined : `wanted the label ${expected.label}, got ${label ?? shown(got)}`;
}

/**
 * The label that an answer says: of scores the index of the highest one, of scores with labels the label of it, a
 * single value itself; of several outputs that of the only one that has scores. Undefined for what has none.
 */
export function labelOf(answer: unknown): string | undefined {
  if (typeof answer === 'string' || typeof answer === 'number') {
    return String(answer);
  }
  if (Array.isArray(answer)) {
    const scored = answer.map((one, index) => labelled(one, index));
    return scored.length === 1 && typeof answer[0] !== 'object' ? String(answer[0]) : highest(scored);
  }
  if (typeof answer !== 'object' || answer === null) {
    return undefined;
  }
  const members = Object.entries(answer);
  if (members.every(([, value]) => typeof value === 'number')) {
    return highest(members as [string, number][]);
  }
  const scores = members.filter(([, value]) => Array.isArray(value) && value.every((one) => typeof one === 'number'));
  return scores.length === 1 ? labelOf(scores[0]?.[1]) : undefined;
}

type Scored = readonly [label: string, score: number];

/** An element of a list of scores: a number at its index, `[label, score]`, or `{"label", "score"}`. */
function labelled(value: unknown, index: number): Scored | undefined {
  const [label, score] = Array.isArray(value)
    ? value
    : typeof value === 'object' && value !== null
      ? [(value as { label?: unknown }).label, (value as { score?: unknown }).score]
      : [index, value];
  return typeof score === 'number' ? [String(label), score] : undefined;
}

function highest(scored: readonly (Scored | undefined)[]): string | undefined {
  let best: Scored | undefined;
  for (const one of scored) {
    if (!one) {
      return undefined;
    }
    if (!best || one[1] > best[1]) {
      best = one;
    }
  }
  return best?.[0];
}

/** Where two plain values differ by more than the tolerance, in a sentence; undefined when they do not. */
export function difference(got: unknown, wanted: unknown, toleranceRatio: number, path = ''): string | undefined {
  if (typeof wanted === 'number' && typeof got === 'number') {
    const near = Math.abs(got - wanted) <= toleranceRatio * Math.max(1, Math.abs(wanted));
    // The infinities and NaN have no distance.
    return near || Object.is(got, wanted) ? undefined : unlike(path, wanted, got);
  }
  if (Array.isArray(wanted) && Array.isArray(got)) {
    if (got.length !== wanted.length) {
      return `${path || 'it'} wanted ${wanted.length} values, got ${got.length}`;
    }
    return firstOf(wanted, (one, index) => difference(got[index], one, toleranceRatio, `${path}[${index}]`));
  }
  if (isObject(wanted) && isObject(got)) {
    const names = Object.keys(wanted);
    return Object.keys(got).sort().join() === [...names].sort().join()
      ? firstOf(names, (name) => difference(got[name], wanted[name], toleranceRatio, `${path}.${name}`))
      : unlike(path, wanted, got);
  }
  return got === wanted ? undefined : unlike(path, wanted, got);
}

function firstOf<One>(
  list: readonly One[],
  problemOf: (one: One, index: number) => string | undefined,
): string | undefined {
  for (const [index, one] of list.entries()) {
    const problem = problemOf(one, index);
    if (problem !== undefined) {
      return problem;
    }
  }
  return undefined;
}

function unlike(path: string, wanted: unknown, got: unknown): string {
  const word = (value: unknown) => (typeof value === 'number' ? String(value) : shown(value));
  return `${path || 'it'} wanted ${word(wanted)}, got ${word(got)}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
