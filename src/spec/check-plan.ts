import type { CheckPlan } from '../protocols/checks.js';

const WORDS = ['none', 'shape', 'first'] as const;

/** What of each answer is checked, from `--check` and `--tolerance`: what is no word of ours is a file of golden answers. */
export function checkPlanOf(settings: { readonly check: string; readonly tolerance: number }): CheckPlan {
  const level = WORDS.find((word) => word === settings.check) ?? 'golden';
  return { level, toleranceRatio: settings.tolerance };
}
