import { random } from '../random.js';
import { type Figure, moreIsWorse } from '../reduce/block-figures.js';
import {
  criticalValue,
  relabelledMaxima,
  type Shift,
  serialInflation,
  shareBeyond,
  shiftOf,
  standardised,
  type Units,
} from './rank-tests.js';

/**
 * A comparison of equals calls anything different in this share of cases. Promised are 5 %: the rest is for what the
 * correction for alike neighbours, an estimate itself, leaves over.
 */
export const ALPHA = 0.04;

/** Failures are counted in whole requests: a share below this is no change, in points of the ratio. */
const LEAST_RATIO_CHANGE = 0.001;

/** The normal quantile of 95 %, so that 9 of 10 are kept where the spread, an estimate itself, was taken for too small. */
const POWER_Z = 1.645;

/** Stands for the difference between a time and never, where ranks need a number; in logarithms and in ms. */
const ENDLESS = 1e12;

/** What one figure came to on both sides. */
export interface FigureValues {
  readonly figure: Figure;
  /** Of everything that was measured on a side; null where there is none, Infinity among requests that never ended. */
  readonly whole: { readonly base: number | null; readonly head: number | null };
  /** By unit. Pairs have the same index. */
  readonly base: readonly (number | null)[];
  readonly head: readonly (number | null)[];
}

/** Of what the two sides are made, and how they stand to each other. */
export interface Design {
  /** Unit k of the base was measured under the same conditions as unit k of the head. */
  readonly paired: boolean;
  /** The units follow each other in one run, so that neighbours may be alike. */
  readonly serial: boolean;
}

/** What is known of the difference head − base; the interval holds together with those of all other figures. */
export interface Difference {
  /** In ratios: 0.05 = 5 % more. null where a side has a 0 or no value. */
  readonly relative: Shift | null;
  /** In the figure's own unit. */
  readonly absolute: Shift | null;
  /** How often a comparison of equals would have any figure this far out; null without units. */
  readonly p_value: number | null;
}

/**
 * `better` and `worse`: the interval excludes 0 and the difference reaches the minimal effect. `same`: the interval lies
 * within the minimal effect. `unclear`: the units do not tell.
 */
export type Change = 'better' | 'worse' | 'same' | 'unclear';

export interface Compared extends FigureValues, Difference {
  readonly change: Change;
  /** Units that have a value; with too few no interval is bounded. */
  readonly units_n: number;
  /**
   * The least difference that about 9 of 10 comparisons with as many units, as varied, would call better or worse: what
   * `unclear` may hide. On both scales, as amounts; null where the units are too few, or do not vary at all.
   */
  readonly detectable: { readonly relative: number | null; readonly absolute: number | null };
  /** By how much the spread was widened because neighbours were alike; 1 = not at all. */
  readonly inflation: number;
}

export interface ComparisonOptions {
  readonly design: Design;
  /** Relative differences below this are no change: 0.02 = 2 %. */
  readonly minEffect: number;
  readonly seed: number;
}

/**
 * Compares two sides. One critical value is found for all figures together, by relabelling the units (Westfall and
 * Young's maximum over rank statistics), and every interval goes with it: among equals at most one comparison in 20 calls
 * anything different. Units of one run are successive, so each figure's spread is widened by its serial correlation.
 */
export function compareSides(figures: readonly FigureValues[], options: ComparisonOptions): readonly Compared[] {
  const { design, minEffect } = options;
  const prepared = figures.map((values) => ({ values, ...scales(values, design) }));
  const maxima = relabelledMaxima(
    prepared.map(({ relative, absolute }) => relative ?? absolute),
    random(options.seed, 'relabelling'),
  );
  const critical = criticalValue(maxima, ALPHA);
  return prepared.map(({ values, relative, absolute }) => {
    const units = relative ?? absolute;
    const inflation = design.serial ? serialInflation(units) : 1;
    const shift = (of: Units | undefined) => widened((of && shiftOf(of, critical)) ?? null, inflation);
    const logShift = shift(relative);
    // The interval touches 0 where one that was not widened would touch this.
    const tested = ((relative ? logShift : shift(absolute))?.estimate ?? 0) * (1 - 1 / inflation);
    const difference = {
      relative: logShift && ratioShift(logShift),
      absolute: mapShift(shift(absolute), fromEndless),
    };
    const unitsN = countUnits(units);
    return {
      ...values,
      ...difference,
      p_value: unitsN === 0 ? null : shareBeyond(maxima, Math.abs(standardised(units, tested))),
      change: changeOf(values.figure, difference, minEffect),
      detectable: {
        relative: mapNumber(detectable(logShift, critical, Math.log1p(minEffect)), Math.expm1),
        absolute: detectable(
          difference.absolute,
          critical,
          values.figure.metric === 'error_rate' ? LEAST_RATIO_CHANGE : 0,
        ),
      },
      units_n: unitsN,
      inflation,
    };
  });
}

/** A figure on the scale of ratios, where all its values are above 0, and on its own. */
function scales({ base, head }: FigureValues, { paired }: Design): { relative: Units | undefined; absolute: Units } {
  const known = [...base, ...head].filter((value) => value !== null);
  const positive = known.every((value) => value > 0);
  const log = (value: number | null) => (value === null ? Number.NaN : finite(Math.log(value)));
  const plain = (value: number | null) => (value === null ? Number.NaN : finite(value));
  const units = (scale: (value: number | null) => number): Units =>
    paired
      ? { kind: 'paired', differences: head.map((value, at) => scale(value) - scale(base[at] as number | null)) }
      : { kind: 'apart', base: base.map(scale), head: head.map(scale) };
  return { relative: positive ? units(log) : undefined, absolute: units(plain) };
}

function finite(value: number): number {
  return Math.min(value, ENDLESS);
}

/** Beyond any time that was measured: one side never ended. */
function fromEndless(value: number): number {
  return Math.abs(value) > ENDLESS / 4 ? Math.sign(value) * Number.POSITIVE_INFINITY : value;
}

/** A shift of logarithms as one of ratios: log 1.05 → 0.05. A bound that does not exist stays infinite. */
function ratioShift(shift: Shift): Shift | null {
  return mapShift(shift, (value) => (Number.isFinite(value) ? Math.expm1(fromEndless(value)) : value));
}

function mapShift(shift: Shift | null, map: (value: number) => number): Shift | null {
  return shift && { estimate: map(shift.estimate), low: map(shift.low), high: map(shift.high) };
}

/** The interval with so many times the spread. */
function widened(shift: Shift | null, inflation: number): Shift | null {
  const from = (bound: number) => (shift as Shift).estimate + inflation * (bound - (shift as Shift).estimate);
  return shift && { estimate: shift.estimate, low: from(shift.low), high: from(shift.high) };
}

/**
 * Half of an interval is `critical` deviations of the estimate. What is to be called different in nearly all cases lies
 * POWER_Z deviations beyond what is called so: beyond half an interval, and beyond the minimal effect.
 */
function detectable(shift: Shift | null, critical: number, least: number): number | null {
  const half = shift && Math.abs(shift.estimate) < ENDLESS / 4 ? (shift.high - shift.low) / 2 : 0;
  return half > 0 && half < ENDLESS / 4 ? Math.max(half, least) + (POWER_Z * half) / critical : null;
}

function mapNumber(value: number | null, map: (value: number) => number): number | null {
  return value === null ? null : map(value);
}

function countUnits(units: Units): number {
  const known = (values: readonly number[]) => values.filter((value) => !Number.isNaN(value)).length;
  return units.kind === 'paired' ? known(units.differences) : Math.min(known(units.base), known(units.head));
}

function changeOf(
  figure: Figure,
  { relative, absolute }: Pick<Difference, 'relative' | 'absolute'>,
  minEffect: number,
): Change {
  const ratio = figure.metric === 'error_rate';
  const shift = ratio ? absolute : (relative ?? absolute);
  // Where a side has a 0 there is no ratio, and any difference is one.
  const least = ratio ? LEAST_RATIO_CHANGE : relative ? minEffect : 0;
  if (!shift) {
    return 'unclear';
  }
  if ((shift.low > 0 || shift.high < 0) && Math.abs(shift.estimate) >= least) {
    return shift.estimate > 0 === moreIsWorse(figure) ? 'worse' : 'better';
  }
  return shift.low >= -least && shift.high <= least ? 'same' : 'unclear';
}
