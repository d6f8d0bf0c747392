import type { Figure, FigureValue } from '../reduce/block-figures.js';
import type { Shift } from '../verdicts/rank-tests.js';
import { type ComparisonReporter, figureName } from './comparison.js';

/** The comparison as JSON. A bound that does not exist is null; so is a value among requests that never ended, which `…_infinite` says. */
export const comparisonJson: ComparisonReporter = ({ comparisons, ...head }) =>
  `${JSON.stringify(
    {
      ...head,
      comparisons: comparisons.map(({ figures, ...of }) => ({
        ...of,
        figures: figures.map(
          ({ figure, whole, relative, absolute, change, detectable, p_value, units_n, inflation, ...units }) => ({
            name: figureName(figure),
            ...figure,
            unit: unitOf(figure),
            ...valueFields('base', whole.base),
            ...valueFields('head', whole.head),
            change,
            difference_ratio: bounds(relative),
            difference: bounds(absolute),
            detectable_ratio: detectable.relative,
            detectable: detectable.absolute,
            p_value,
            units_n,
            inflation,
            base_units: units.base.map(finiteOrNull),
            head_units: units.head.map(finiteOrNull),
          }),
        ),
      })),
    },
    null,
    2,
  )}\n`;

function unitOf({ metric }: Figure): string {
  return metric === 'error_rate' ? 'ratio' : metric === 'throughput' || metric === 'items' ? 'per_s' : 'ms';
}

function valueFields(side: 'base' | 'head', value: FigureValue) {
  return {
    [side]: finiteOrNull(value),
    ...(value === Number.POSITIVE_INFINITY && { [`${side}_infinite`]: true }),
  };
}

function bounds(shift: Shift | null) {
  return (
    shift && { estimate: finiteOrNull(shift.estimate), low: finiteOrNull(shift.low), high: finiteOrNull(shift.high) }
  );
}

function finiteOrNull(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
