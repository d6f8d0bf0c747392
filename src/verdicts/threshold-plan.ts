import { nearest } from '../flags.js';
import { parseSlo, parseThreshold, type Slo, type Threshold } from './threshold-language.js';

/** What a run is held to, as it was asked for. */
export interface ThresholdPlan {
  readonly thresholds: readonly Threshold[];
  readonly slos: readonly Slo[];
  /** Windows with fewer samples are skipped. */
  readonly minSamples: number;
  /** What becomes of a threshold that has nothing to look at. */
  readonly noData: 'fail' | 'pass';
}

/** The same as plain data, as in `plan.json`. */
export interface ThresholdPlanData {
  readonly expressions: readonly string[];
  readonly slos: readonly string[];
  readonly min_samples: number;
  readonly no_data: 'fail' | 'pass';
}

/** What Locust's users expect: a single failed request fails the run. */
const NO_ERROR = 'error_rate==0';

/** The plan of the flags of `run`. */
export function thresholdPlan(settings: {
  readonly threshold: readonly Threshold[];
  readonly slo: readonly Slo[];
  readonly 'min-samples': number;
  readonly 'no-data': 'fail' | 'pass';
  readonly 'fail-on-error': boolean;
}): ThresholdPlan {
  return {
    thresholds: [...settings.threshold, ...(settings['fail-on-error'] ? [parseThreshold(NO_ERROR)] : [])],
    slos: settings.slo,
    minSamples: settings['min-samples'],
    noData: settings['no-data'],
  };
}

export function thresholdPlanData({ thresholds, slos, minSamples, noData }: ThresholdPlan): ThresholdPlanData {
  return {
    expressions: thresholds.map(({ expression }) => expression),
    slos: slos.map(({ expression }) => expression),
    min_samples: minSamples,
    no_data: noData,
  };
}

/** The plan that `plan.json` holds. Throws FlagProblem on what is none. */
export function readThresholdPlan({ expressions, slos, min_samples, no_data }: ThresholdPlanData): ThresholdPlan {
  return {
    thresholds: expressions.map(parseThreshold),
    slos: slos.map(parseSlo),
    minSamples: min_samples,
    noData: no_data,
  };
}

/** What of the thresholds names an endpoint that the run does not have. */
export function endpointProblems({ thresholds }: ThresholdPlan, endpoints: readonly string[]): readonly string[] {
  return thresholds
    .filter(({ endpoint }) => endpoint !== null && !endpoints.includes(endpoint))
    .map(({ expression, endpoint }) => {
      const near = nearest(endpoint as string, endpoints);
      return (
        `Cannot use --threshold ${JSON.stringify(expression)}: there is no endpoint ${JSON.stringify(endpoint)}` +
        `${near ? ` (did you mean ${near}?)` : ''}: the endpoints are ${endpoints.join(', ')}`
      );
    });
}
