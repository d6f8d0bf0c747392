import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { perSecond } from '../../../src/reduce/per-second.js';
import { histogramsHlog } from '../../../src/reports/histograms-hlog.js';
import { REPORTERS } from '../../../src/reports/index.js';
import { perSecondCsv } from '../../../src/reports/per-second-csv.js';
import { type Progress, progressBlock, progressLine } from '../../../src/reports/progress.js';
import type { Report } from '../../../src/reports/report.js';
import { reportOf } from '../../../src/reports/report.js';
import { safeText } from '../../../src/text.js';
import type { ThresholdResult } from '../../../src/verdicts/threshold-result.js';
import { reporterContract } from '../../contract/reporter.js';
import { reportOn } from '../../support/reports.js';
import { resultsOn } from '../../support/results.js';
import { blockOf, sample } from '../../support/samples.js';

/** A report without what is not its text: colours, and the program and the styles of a page. */
const textOf = (report: string) => stripVTControlCharacters(report).replaceAll(/<(script|style)[^>]*>.*?<\/\1>/gs, '');

describe.each(Object.entries(REPORTERS))('the %s report', (_name, { render }) => {
  reporterContract((results) => textOf(render(results)));
});

const resultsWith = (report: Report) => ({ ...resultsOn([]), report });
const onScreen = (report: Report) => REPORTERS.console.render(resultsWith(report));

const width = (text: string) => Math.max(...text.split('\n').map((line) => [...line].length));

describe('the summary on the screen', () => {
  const many = Array.from({ length: 123_456 }, (_, seq) => sample({ seq, endUs: 10_000 + (seq % 1000) * 50 }));
  const hostile = safeText(`\u001b[31m${'boom '.repeat(60)}\u202e`);
  const causes = ['http_5xx', 'grpc_RESOURCE_EXHAUSTED', 'closed_before_response'] as const;
  const report = reportOn(
    [...many, ...causes.map((outcome) => sample({ outcome, origin: 'target' }))],
    causes.map((outcome) => [outcome, hostile]),
  );

  it('fits into 80 columns, also with long failures and large numbers', () => {
    expect(width(onScreen(report))).toBeLessThanOrEqual(80);
  });

  it('starts with the verdict and shows counts, latency, failures and files', () => {
    const text = onScreen(report);
    expect(text).toMatch(/^VALID {2}sentiment · double-wave/);
    expect(text).toContain('123,459 sent: 123,456 ok, 3 failed, 0 abandoned');
    for (const word of ['latency', 'service time', 'until failure', ...causes, 'raw_requests.csv', 'Closed loop']) {
      expect(text).toContain(word);
    }
  });

  it('shows endpoints and the cache where there are such, and the share of repeats where one was asked for', () => {
    const plain = onScreen(report);
    expect(plain).not.toMatch(/cache|health|repeats/);
    expect(plain).toContain('each sent 77 times');
    expect(onScreen(reportOn(many.slice(0, 8)))).toContain(', 8 of them sent');
    const of = reportOn(
      [
        ...many.map((one) => ({ ...one, cache: one.seq % 20 === 0 ? ('miss' as const) : ('hit' as const) })),
        ...many.map((one) => ({ ...one, endpoint: 1, batch: 0 })),
        sample({ endpoint: 1, outcome: 'http_5xx', origin: 'target' }),
      ],
      [],
      null,
      ['predict', 'health-of-a-long-name'],
    );
    const run = { ...of.run, data_order: 'repeat', repeat_rate_ratio: 0.95 };
    const text = onScreen({ ...of, run });
    expect(width(text)).toBeLessThanOrEqual(80);
    expect(text).toContain('health-of-a-long-name 123,457 sent: 123,456 ok (errors 0.00 %)');
    expect(text).toMatch(/^ *predict +123,456 /m);
    expect(text).toMatch(/^ *health-of-a +123,456 /m);
    expect(text).toContain('95.00 % hits: 117,283 of 123,456');
    expect(text).toMatch(/^ *cache hit +117,283 /m);
    expect(text).toMatch(/^ *cache miss +6,173 /m);
    expect(text).toMatch(/payloads .* 99\.\d\d % repeats, asked 95\.00 %/);
    expect(onScreen({ ...of, run: { ...run, data_order: 'zipf', repeat_rate_ratio: null } })).toMatch(
      /zipf order, 99\.\d\d % repeats\n/,
    );
  });

  it('shows a dash where there is no value, never 0', () => {
    const text = onScreen(reportOn([sample({ outcome: 'http_5xx', origin: 'target' })]));
    expect(text).toMatch(/latency +0 +- +- +- +- +- +- +-/);
    expect(text).toMatch(/^INVALID/);
    expect(text).toContain('no_success');
  });

  it('shows tokens where answers told of them, and only then', () => {
    const stream = { tokensOut: 12_345_678, chunks: 3, firstTokenUs: 2_000, lastTokenUs: 9_000 };
    const text = onScreen(reportOn([sample(stream), sample({ seq: 1, ...stream })]));
    expect(text).toMatch(/^ {2}tokens {4}24,691,356 out, 2469135.6 out\/s/m);
    expect(text).toMatch(/^ ?TTFT +2 +2.000/m);
    expect(text).toMatch(/^ ?TPOT +2 /m);
    expect(text).toMatch(/^ ?NTPOT +2 /m);
    expect(text).not.toContain('itl_chunk');
    expect(width(text)).toBeLessThanOrEqual(80);
    expect(onScreen(reportOn([sample({ chunks: 0 })]))).toContain('tokens    not counted by the server');
    expect(onScreen(reportOn([sample()]))).not.toMatch(/tokens|TTFT/);
  });

  it('marks percentiles of few samples, says how many more they need, and what pauses of this program did', () => {
    const samples = Array.from({ length: 322 }, (_, seq) => sample({ seq, paused: seq < 5 }));
    const text = onScreen(reportOn(samples));
    expect(text).toMatch(/^ *latency +322 +10\.00 +10\.00 +10\.00 +10\.00 +10\.00\* +10\.00\* +10\.00$/m);
    const flowing = text.replaceAll(/\s+/g, ' ');
    expect(flowing).toContain(
      '* few samples; p99 needs 473 requests at 95 % confidence: 151 more; p99.9 4,742: 4,420 more',
    );
    expect(flowing).toContain('5 requests touched by pauses of this program: p99 10.00 ms with them, 10.00 without');
    expect(flowing).toContain('time 0.000 ms until sent, 9.000 to first byte, 1.000 to last (mean)');
    expect(width(text)).toBeLessThanOrEqual(80);
    expect(onScreen(report)).not.toMatch(/few samples|touched/);
  });

  it('shows each threshold with how it came out, below the verdict', () => {
    const result = (state: 'pass' | 'fail' | 'no_data' | 'inconclusive', message: string) =>
      ({ state, message, expression: 'p(95)<200', metric: 'latency' }) as ThresholdResult;
    const text = onScreen({
      ...report,
      thresholds: [
        result('pass', 'it is 12 ms'),
        result('fail', 'it is 300 ms'),
        result('no_data', 'no request'),
        result('inconclusive', 'too few'),
      ],
    });
    expect(text.match(/^ {2}[✓✗?] .*$/gm)).toEqual([
      '  ✓ p(95)<200: it is 12 ms',
      '  ✗ p(95)<200: it is 300 ms',
      '  ✗ p(95)<200: no request',
      '  ? p(95)<200: too few',
    ]);
    expect(text.indexOf('✓')).toBeLessThan(text.indexOf('requests'));
  });

  it('is the same with colour, but for the colour', () => {
    expect(stripVTControlCharacters(REPORTERS['console-color'].render(resultsWith(report)))).toBe(onScreen(report));
    expect(onScreen(report)).not.toContain('\u001b');
  });
});

describe('a run of batches whose answers were compared', () => {
  const one = reportOn([
    ...Array.from({ length: 3 }, (_, seq) => sample({ seq, startUs: 0, endUs: 10_000 })),
    sample({ seq: 3, startUs: 0, endUs: 5_000, outcome: 'wrong_output', origin: 'target' }),
  ]);
  const { run, ...totals } = one;
  const of = (check: string) =>
    reportOf({
      run: { ...run, batch: 1024, check },
      totals,
      generator: one.generator,
      repeats: one.repeats,
      verdict: one.verdict,
      calibration: null,
      serverSide: {
        success_n: 12_345,
        fail_n: 0,
        inferences_n: 98_760,
        executions_n: 12_345,
        batch_mean: 8,
        queue_mean_ms: 123.456,
        compute_input_mean_ms: 0.5,
        compute_infer_mean_ms: 1234.5,
        compute_output_mean_ms: 0.25,
        cache_hits_n: 1234,
        cache_misses_n: 1,
        cache_mean_ms: 0.125,
        rest_mean_ms: 12.5,
      },
      thresholds: [],
      confidence: [],
      little: null,
      goodput: null,
      stops: [],
    });

  it('tells the latency of an item, to the nanosecond', () => {
    // 10 ms for 1024 items.
    expect(of('shape').latency_per_item).toMatchObject({ n: 3, p50_ms: 0.009766, max_ms: 0.009766 });
    expect(onScreen(of('shape'))).toMatch(/per item +3 +0\.010/);
  });

  it('tells the share of right answers where they were compared', () => {
    expect(of('first').correct_rate).toBe(0.75);
    expect(of('labels.txt').correct_rate).toBe(0.75);
    expect([of('shape').correct_rate, of('none').correct_rate]).toEqual([null, null]);
    expect(onScreen(of('first'))).toContain('75.00 % right of those that were compared');
  });

  it("tells the server's own side in 80 columns", () => {
    const text = onScreen(of('first'));
    expect(text).toContain('server    queue 123.5, input 0.500, infer 1234.5, output 0.250');
    expect(text).toContain('1,234 answered by its cache');
    expect(width(text)).toBeLessThanOrEqual(80);
    expect(one.server_side).toBeNull();
  });
});

it('JSON is the report itself, with units in the names of its numbers', () => {
  const stream = sample({ seq: 1, tokensOut: 3, chunks: 3, firstTokenUs: 2_000, lastTokenUs: 9_000 });
  const report = reportOn([sample(), stream]);
  const read = JSON.parse(REPORTERS.json.render(resultsWith(report)));
  expect(read).toEqual(report);
  const unitless: string[] = [];
  const visit = (value: unknown, path: string) => {
    if (
      typeof value === 'number' &&
      !/_(ms|s|bytes|per_s|ratio|mean|n|max)$|^\.counts|\.(n|count|status|batch|seed|payloads|value|limit|digits|reused|fresh|connections|workers|open_fds_max|handshakes_n)$/.test(
        path,
      )
    ) {
      unitless.push(path);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        visit(inner, `${path}.${key}`);
      }
    }
  };
  visit(read, '');
  expect(unitless).toEqual([]);
});

it('histograms.hlog has an interval for each second, endpoint and metric', () => {
  const bySecond = perSecond(1_700_000_000_000_000, 2);
  bySecond.rows(blockOf([sample(), sample({ endpoint: 1 }), sample({ endpoint: 1, startUs: 1e6 })]));
  const text = histogramsHlog(1_700_000_000, ['predict', 'my health,check'], bySecond.histograms());
  const tags = text.split('\n').filter((line) => line.startsWith('Tag='));
  expect(tags.map((line) => line.slice(4).split(',').slice(0, 2).join(' '))).toEqual([
    'predict.latency 1700000000.000',
    'predict.service 1700000000.000',
    'my_health_check.latency 1700000000.000',
    'my_health_check.service 1700000000.000',
    'my_health_check.latency 1700000001.000',
    'my_health_check.service 1700000001.000',
  ]);
});

it('per_second.csv has an empty cell where a second has no value', () => {
  const row = {
    epoch_s: 1_700_000_000,
    planned: 1,
    sent: 1,
    completed: 0,
    ok: 0,
    failed: 0,
    dropped: 0,
    in_flight: 1,
    users: 2,
    p50_ms: null,
    p90_ms: null,
    p95_ms: null,
    p99_ms: null,
    max_ms: null,
    service_p95_ms: null,
    lag_p50_ms: 0,
    lag_p99_ms: 0.25,
    lag_max_ms: 12.3456,
  };
  expect(perSecondCsv([row])).toBe(
    'epoch_s,planned,sent,completed,ok,failed,dropped,in_flight,users,p50_ms,p90_ms,p95_ms,p99_ms,max_ms,service_p95_ms,lag_p50_ms,lag_p99_ms,lag_max_ms\n' +
      '1700000000,1,1,0,0,0,0,1,2,,,,,,,0.000,0.250,12.346\n',
  );
  expect(perSecondCsv([]).trimEnd().split('\n').length).toBe(1);
});

describe('progress', () => {
  const progress: Progress = {
    elapsedUs: 83_400_000,
    durationUs: 120_000_000,
    users: 57,
    wanted: 59,
    model: 'closed',
    draining: false,
    requests: 12_345,
    failures: [
      ['timeout_ttfb', 12],
      ['http_5xx', 3],
    ],
    perS: 171,
    p50Ms: 12.3,
    p95Ms: 45.6,
    p95TrendMs: [1, 2, null, 8, 4],
  };

  it('is a line in a log', () => {
    expect(progressLine(progress)).toBe(
      '1m23s/2m  users 57/59  171/s  p50 12.30 ms  p95 45.60 ms  12,345 requests  timeout_ttfb 12, http_5xx 3',
    );
  });

  it.each([40, 80, 200])('is a block on a terminal of %d columns', (columns) => {
    const block = progressBlock(progress, columns);
    expect(width(block)).toBeLessThan(columns);
    expect(block.split('\n').length).toBe(6);
    expect(block).toContain('57 now, 59 wanted');
  });

  it('says when it waits for the last answers, and when nothing has come yet', () => {
    const early = { ...progress, elapsedUs: 0, failures: [], p50Ms: null, p95Ms: null, p95TrendMs: [null], perS: 0 };
    expect(progressBlock({ ...early, draining: true }, 80)).toContain('draining');
    expect(progressLine(early)).toContain('0s/2m  users 57/59  0/s  p50 - ms  p95 - ms');
    expect(progressBlock(early, 80)).toContain('none failed');
  });

  it('does not run past its end', () => {
    expect(progressBlock({ ...progress, elapsedUs: 500e6 }, 80)).toContain('0s left');
  });
});
