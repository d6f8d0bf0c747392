import type { FlagValues, Given } from '../flags.js';
import type { DataOrder } from '../protocols/data-order.js';
import type { RUN_FLAGS } from './run-flags.js';

const ZIPF_EXPONENT = 1;

/** The order of the payloads; the flag of one order alone asks for it. What does not fit together is added to `problems`. */
export function readOrder(
  settings: FlagValues<typeof RUN_FLAGS>,
  given: Given,
  problems: string[],
  nameOf: (name: string) => string,
): DataOrder {
  const owners = { 'repeat-rate': 'repeat', 'zipf-exponent': 'zipf' } as const;
  const names = Object.keys(owners) as (keyof typeof owners)[];
  const asked = names.find((name) => given.has(name));
  const kind = given.has('data-order') || !asked ? settings['data-order'] : owners[asked];
  for (const name of names.filter((one) => given.has(one) && owners[one] !== kind)) {
    problems.push(
      `${nameOf(name)} has no effect with --data-order ${kind}: it belongs to --data-order ${owners[name]}`,
    );
  }
  if (kind === 'repeat') {
    if (!given.has('repeat-rate')) {
      problems.push('--data-order repeat needs --repeat-rate, such as --repeat-rate 0.95');
    }
    return { kind, rate: settings['repeat-rate'] ?? 0 };
  }
  return kind === 'zipf' ? { kind, exponent: settings['zipf-exponent'] ?? ZIPF_EXPONENT } : { kind };
}
