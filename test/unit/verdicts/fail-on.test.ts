import { describe, expect, it } from 'vitest';
import type { Compared } from '../../../src/verdicts/comparison.js';
import { type FailOn, guards, judgeFailOn, readFailOn } from '../../../src/verdicts/fail-on.js';
import type { Shift } from '../../../src/verdicts/rank-tests.js';

const read = (expression: string): FailOn => {
  const limit = readFailOn(expression);
  if (typeof limit === 'string') {
    throw new Error(limit);
  }
  return limit;
};

describe('limits on differences', () => {
  it.each([
    ['p(95)>+10%', { metric: 'latency', of: 0.95, population: 'all_inf' }, true, 'relative', 0.1],
    ['latency: p(99.9) > +5ms', { metric: 'latency', of: 0.999, population: 'all_inf' }, true, 'absolute', 5],
    ['latency{population:ok}: med>+250us', { metric: 'latency', of: 0.5, population: 'ok' }, true, 'absolute', 0.25],
    ['service_time: avg>+1s', { metric: 'service_time', of: 'avg', population: 'ok' }, true, 'absolute', 1000],
    ['avg>+5%', { metric: 'latency', of: 'avg', population: 'all_inf' }, true, 'relative', 0.05],
    ['ttft: p(50)>-10%', { metric: 'ttft', of: 0.5, population: 'ok' }, true, 'relative', -0.1],
    ['itl_chunk: p(95)>+10%', { metric: 'itl_chunk', of: 0.95, population: 'ok' }, true, 'relative', 0.1],
    ['throughput<-5%', { metric: 'throughput' }, false, 'relative', -0.05],
    ['items<-3', { metric: 'items' }, false, 'absolute', -3],
    ['error_rate>+1pp', { metric: 'error_rate' }, true, 'absolute', 0.01],
    ['error_rate: >+0.002', { metric: 'error_rate' }, true, 'absolute', 0.002],
  ])('%s is read', (expression, figure, above, scale, limit) => {
    const { limit: number, ...rest } = read(expression);
    expect(rest).toEqual({ expression, figure, above, scale });
    expect(number).toBeCloseTo(limit as number, 12);
  });

  it.each([
    ['p(95)>10%', /with its sign/],
    ['p(95)>=+10%', /such as/],
    ['', /such as/],
    ['p(100)>+1%', /below 100/],
    ['p(0)>+1%', /above 0/],
    ['p(95)>+10', /unit of latency/],
    ['p(95)>+10pp', /unit of latency/],
    ['throughput<-5ms', /unit of throughput/],
    ['throughput: p(95)<-5%', /one number/],
    ['service_time>+5%', /name a figure/],
    ['nonsense: p(95)>+5%', /about one of latency/],
    ['ttft{population:all_inf}: p(50)>+5%', /population ok/],
  ])('%j is refused with a reason', (expression, reason) => {
    expect(readFailOn(expression)).toMatch(reason);
  });

  it('guards against what is worse, unless its sign says otherwise', () => {
    expect(guards(read('p(95)>+10%'))).toBe(true);
    expect(guards(read('throughput<-5%'))).toBe(true);
    expect(guards(read('throughput>+5%'))).toBe(false);
  });
});

const NONE = { relative: null, absolute: null };

describe('a limit comes out', () => {
  const held = (expression: string, relative: Shift | null) => {
    const limit = read(expression);
    return judgeFailOn(limit, { figure: limit.figure, relative, absolute: null, detectable: NONE } as Compared).status;
  };
  const shift = (low: number, estimate: number, high: number): Shift => ({ low, estimate, high });

  it.each([
    ['failed when the estimate is beyond and chance is excluded', 'p(95)>+10%', shift(0.02, 0.12, 0.2), 'failed'],
    ['inconclusive when it is beyond by what may be chance', 'p(95)>+10%', shift(-0.02, 0.12, 0.3), 'inconclusive'],
    [
      'inconclusive when it is within and more cannot be excluded',
      'p(95)>+10%',
      shift(0.02, 0.08, 0.14),
      'inconclusive',
    ],
    ['passed when all of the interval is within', 'p(95)>+10%', shift(0.02, 0.05, 0.09), 'passed'],
    ['passed by a server that is faster', 'p(95)>+10%', shift(-0.5, -0.4, -0.3), 'passed'],
    ['failed by throughput that is lost', 'throughput<-5%', shift(-0.2, -0.1, -0.03), 'failed'],
    ['passed by throughput that is gained', 'throughput<-5%', shift(-0.01, 0.1, 0.2), 'passed'],
    ['failed by an improvement that is too small', 'p(95)>-10%', shift(-0.08, -0.05, -0.02), 'failed'],
    ['passed by an improvement that is large enough', 'p(95)>-10%', shift(-0.3, -0.2, -0.11), 'passed'],
    ['inconclusive by an improvement that may be', 'p(95)>-10%', shift(-0.3, -0.2, -0.05), 'inconclusive'],
    [
      'inconclusive without bounds',
      'p(95)>+10%',
      shift(Number.NEGATIVE_INFINITY, 0.5, Number.POSITIVE_INFINITY),
      'inconclusive',
    ],
    [
      'failed when the head never answers',
      'p(95)>+10%',
      shift(0.5, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
      'failed',
    ],
    ['inconclusive without a difference', 'p(95)>+10%', null, 'inconclusive'],
  ])('%s', (_, expression, relative, status) => {
    expect(held(expression, relative)).toBe(status);
  });
});
