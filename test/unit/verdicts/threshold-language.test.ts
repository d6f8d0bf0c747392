import { describe, expect, it } from 'vitest';
import { FlagProblem } from '../../../src/flags.js';
import { parseSlo, parseThreshold, THRESHOLD_GRAMMAR } from '../../../src/verdicts/threshold-language.js';
import { readThresholdPlan, thresholdPlan, thresholdPlanData } from '../../../src/verdicts/threshold-plan.js';

const LATENCY = { metric: 'latency', endpoint: null, cache: null, population: 'all_inf', windows: null } as const;
const COUNTED = { endpoint: null, cache: null, population: null, p: null, windows: null } as const;

describe('a threshold', () => {
  it.each([
    ['p(95)<200', { ...LATENCY, aggregation: 'p(95)', p: 0.95, operator: '<', limit: 200, unit: 'ms' }],
    ['p(99.9) <= 1500.5', { ...LATENCY, aggregation: 'p(99.9)', p: 0.999, operator: '<=', limit: 1500.5 }],
    ['p(0)>1', { aggregation: 'p(0)', p: 0 }],
    ['p(100)<1e3', { aggregation: 'p(100)', p: 1, limit: 1000 }],
    ['avg<200', { ...LATENCY, aggregation: 'avg', p: null, unit: 'ms' }],
    ['min>=1', { aggregation: 'min', operator: '>=' }],
    ['max<2000', { aggregation: 'max' }],
    ['med < 100', { aggregation: 'med', p: 0.5 }],
    ['count>100', { aggregation: 'count', unit: 'count', operator: '>' }],
    ['latency: p(95)<200', { ...LATENCY, aggregation: 'p(95)' }],
    ['  latency :p(95) < 200  ', { ...LATENCY, expression: 'latency :p(95) < 200' }],
    ['ttft: p(99)<500', { metric: 'ttft', population: 'all_inf', unit: 'ms' }],
    ['itl_chunk{population:ok}: p(99)<50', { metric: 'itl_chunk', population: 'ok' }],
    ['lag: p(99)<5', { metric: 'lag', population: null }],
    ['error_rate<0.01', { ...COUNTED, metric: 'error_rate', aggregation: 'value', limit: 0.01, unit: 'ratio' }],
    ['error_rate: rate<.01', { ...COUNTED, metric: 'error_rate', aggregation: 'rate', limit: 0.01 }],
    ['goodput>50', { ...COUNTED, metric: 'goodput', unit: 'per_s' }],
    ['throughput >= 50.5', { metric: 'throughput', unit: 'per_s', limit: 50.5 }],
    ['dropped<1', { ...COUNTED, metric: 'dropped', unit: 'count' }],
    ['dropped: rate<0.5', { metric: 'dropped', aggregation: 'rate', unit: 'per_s' }],
    ['achieved>0.98', { metric: 'achieved', unit: 'ratio' }],
    ['correct_rate==1', { metric: 'correct_rate', operator: '==' }],
    ['error_rate===0', { operator: '==', limit: 0 }],
    ['dropped!=1', { operator: '!=' }],
    ['latency{endpoint:predict}: p(95)<200', { ...LATENCY, endpoint: 'predict' }],
    ['latency{ endpoint : predict , cache:hit }: p(95)<200', { endpoint: 'predict', cache: 'hit' }],
    ['latency{population:ok}: p(95)<200', { ...LATENCY, population: 'ok' }],
    ['error_rate{endpoint:"a, b}"}<0.5', { endpoint: 'a, b}' }],
    // As they stand in scripts for k6.
    ['http_req_duration: p(95)<1500', { ...LATENCY, aggregation: 'p(95)' }],
    ['http_req_duration{expected_response:true}: p(99)<200', { ...LATENCY, population: 'ok' }],
    ['http_req_failed: rate<0.01', { metric: 'error_rate', unit: 'ratio' }],
    ['http_reqs: count>100', { metric: 'requests', unit: 'count' }],
    ['http_reqs: rate>50', { metric: 'requests', unit: 'per_s' }],
    ['dropped_iterations: count===0', { metric: 'dropped', operator: '==' }],
    ['p(95)<200 over 10s', { windows: { windowUs: 10e6, inARow: 1, leastRatio: null } }],
    ['p(95)<200 over 10s for 3 windows', { windows: { windowUs: 10e6, inARow: 3, leastRatio: null } }],
    ['error_rate<0.1 over 1m30s for 1 window', { windows: { windowUs: 90e6, inARow: 1, leastRatio: null } }],
    [
      'latency{endpoint:predict}: p(95)<200 over 10s for 97% of windows',
      { endpoint: 'predict', windows: { windowUs: 10e6, inARow: null, leastRatio: 0.97 } },
    ],
    ['p(95)<200 over 1s for 99.9 % of windows', { windows: { windowUs: 1e6, inARow: null, leastRatio: 0.999 } }],
  ])('%s', (text, wanted) => {
    expect(parseThreshold(text)).toMatchObject({ expression: text.trim(), ...wanted });
  });
});

/** What is wrong with a text, and a caret under the place. */
function problem(read: (text: string) => unknown, text: string): readonly [message: string, at: number] {
  try {
    read(text);
  } catch (error) {
    expect(error).toBeInstanceOf(FlagProblem);
    return [(error as FlagProblem).message, (error as FlagProblem).at as number];
  }
  throw new Error('was taken');
}

describe('what is no threshold is refused at its place', () => {
  it.each([
    ['latenzy: p(95)<200', 0, 'did you mean latency?'],
    ['  latenzy: p(95)<200', 2, 'did you mean latency?'],
    ['http_req_waiting: p(95)<200', 0, 'the metrics are latency'],
    ['p95<200', 0, 'did you mean p(95)?'],
    ['p(95<200', 4, '")"'],
    ['p(101)<200', 2, 'from 0 to 100'],
    ['p(-1)<200', 2, 'from 0 to 100'],
    ['p()<200', 2, 'such as p(95)'],
    ['latency<200', 7, 'latency: p(95)<200'],
    ['latency: mean<200', 9, 'an aggregation of latency'],
    ['latency: agv<200', 9, 'did you mean avg?'],
    ['rate<0.01', 0, 'error_rate<0.01'],
    ['value<1', 0, 'an aggregation of latency'],
    ['error_rate: p(95)<1', 12, 'an aggregation of error_rate: rate'],
    ['error_rate 0.01', 11, 'a comparison'],
    ['p(95)=200', 5, '==='],
    ['p(95)=<200', 5, '<='],
    ['p(95)<', 6, 'a number'],
    ['p(95)<200ms', 9, 'times are in ms: 200'],
    ['p(95)<0.2s', 9, 'times are in ms: 200'],
    ['error_rate<1%', 12, 'from 0 to 1: 0.01'],
    ['error_rate<5', 11, 'a share from 0 to 1'],
    ['achieved>190', 9, 'a share from 0 to 1'],
    ['p(95)>-1', 6, 'not negative'],
    ['p(95)<NaN', 6, 'a number'],
    ['p(95)<200 p(99)<300', 10, '"over"'],
    ['p(95)<200 over', 14, 'at least 1s'],
    ['p(95)<200 over 10', 15, 'such as "over 10s"'],
    ['p(95)<200 over 500ms', 15, 'at least 1s'],
    ['p(95)<200 over 10s for', 22, 'for 3 windows'],
    ['p(95)<200 over 10s for 3', 24, 'for 3 windows'],
    ['p(95)<200 over 10s for 0 windows', 23, 'for 3 windows'],
    ['p(95)<200 over 10s for 2.5 windows', 23, 'for 3 windows'],
    ['p(95)<200 over 10s for 97 of windows', 26, 'for 97% of windows'],
    ['p(95)<200 over 10s for 101% of windows', 23, 'for 97% of windows'],
    ['p(95)<200 over 10s for 3 windows now', 33, 'the end'],
    ['latency{endpint:a}: p(95)<200', 8, 'did you mean endpoint?'],
    ['latency{}: p(95)<200', 8, 'endpoint, population, cache'],
    ['latency{endpoint}: p(95)<200', 16, '":"'],
    ['latency{endpoint:}: p(95)<200', 17, 'the name of an endpoint'],
    ['latency{endpoint:a: p(95)<200', 29, '"}"'],
    ['latency{endpoint:a,endpoint:b}: p(95)<200', 19, 'twice'],
    ['latency{population:okay}: p(95)<200', 19, 'did you mean ok?'],
    ['latency{cache:warm}: p(95)<200', 14, 'one of hit, miss'],
    ['ttft{population:all}: p(95)<200', 16, 'one of all_inf, ok'],
    ['error_rate{population:ok}<0.1', 11, 'endpoint'],
    ['itl_chunk{endpoint:a}: p(95)<200', 10, 'population'],
    ['', 0, 'printable'],
    ['p(95)<200\u001b[31m', 9, 'printable'],
    [`p(95)<${'1'.repeat(300)}`, 0, 'at most 200'],
  ])('%s', (text, at, message) => {
    const [said, where] = problem(parseThreshold, text);
    expect(said).toContain(message);
    expect(where).toBe(at);
  });
});

describe('a limit on each request', () => {
  it('is a time and a limit', () => {
    expect(parseSlo('latency<200')).toEqual({
      expression: 'latency<200',
      metric: 'latency',
      operator: '<',
      limitMs: 200,
    });
    expect(parseSlo(' ttft <= 500 ')).toMatchObject({ metric: 'ttft', operator: '<=', limitMs: 500 });
  });

  it.each([
    ['p(95)<200', 0, 'a time of each request'],
    ['latncy<200', 0, 'did you mean latency?'],
    ['error_rate<0.1', 0, 'the times are latency, service_time'],
    ['latency==200', 7, '<, <=, > or >='],
    ['latency<200ms', 11, 'times are in ms: 200'],
    ['latency<200 over 10s', 12, 'the end'],
  ])('and not %s', (text, at, message) => {
    const [said, where] = problem(parseSlo, text);
    expect(said).toContain(message);
    expect(where).toBe(at);
  });
});

it('a plan survives its way through plan.json', () => {
  const plan = thresholdPlan({
    threshold: [parseThreshold('p(95)<200'), parseThreshold('goodput>5 over 10s for 90% of windows')],
    slo: [parseSlo('latency<200')],
    'min-samples': 20,
    'no-data': 'fail',
    'fail-on-error': true,
  });
  expect(plan.thresholds.map(({ expression }) => expression)).toEqual([
    'p(95)<200',
    'goodput>5 over 10s for 90% of windows',
    'error_rate==0',
  ]);
  expect(readThresholdPlan(JSON.parse(JSON.stringify(thresholdPlanData(plan))))).toEqual(plan);
});

it('the grammar fits 80 columns', () => {
  expect(Math.max(...THRESHOLD_GRAMMAR.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});
