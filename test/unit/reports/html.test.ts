import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { htmlReport } from '../../../src/reports/html.js';
import type { Results } from '../../../src/reports/results.js';
import { longResults, threshold } from '../../support/long-results.js';
import { HOST, resultsOn } from '../../support/results.js';
import { sample } from '../../support/samples.js';

const failed = sample({ outcome: 'http_5xx', origin: 'target', status: 500 });
/** A reason as a verdict gives it. */
const NO_SUCCESS = resultsOn([failed]).report.verdict.reasons[0] as Results['report']['verdict']['reasons'][number];
const HOSTILE = '</script><script>alert(1)</script>"\'&\u001b[31m\u202e=cmd()\n]]>';

/** What a reader's browser makes text of: all but scripts and styles. */
function body(page: string): string {
  return page.replaceAll(/<(script|style)[^>]*>.*?<\/\1>/gs, '');
}

function withReport(results: Results, report: Partial<Results['report']>): Results {
  return { ...results, report: { ...results.report, ...report } };
}

describe('report.html', () => {
  describe.each([
    ['a good run', resultsOn([sample(), sample({ seq: 1, startUs: 1_200_000 })])],
    ['one request', resultsOn([sample()])],
    ['no success', resultsOn([failed, failed])],
    ['no request', resultsOn([])],
    ['two endpoints', resultsOn([sample(), sample({ endpoint: 1 })], ['predict', 'health'])],
    ['a long open run', longResults({ seconds: 300, requestsPerS: 20 })],
  ])('of %s', (_name, results) => {
    it('is the same text each time, and shows nothing that is no number', () => {
      const page = htmlReport(results);
      expect(htmlReport(results)).toBe(page);
      expect(page.endsWith('</html>\n')).toBe(true);
      expect(body(page)).not.toMatch(/NaN|Infinity|undefined|9007199254740991|\[object|>null</);
    });

    it('is one file that may fetch nothing: its policy names its own script and style by their digests', () => {
      const page = htmlReport(results);
      const digest = (text: string) => createHash('sha256').update(text).digest('base64');
      const script = /<script>(.*?)<\/script>/s.exec(page)?.[1] as string;
      const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] as string;
      expect(page).toContain(
        `content="default-src 'none'; script-src 'sha256-${digest(script)}'; style-src 'sha256-${digest(style)}'; base-uri 'none'; form-action 'none'"`,
      );
      expect(body(page)).not.toMatch(/<(link|img|iframe|object)\b|\b(src|style|on\w+)=/);
      expect(page.match(/<script>/g)).toHaveLength(1);
      expect(script).toContain('Permission is hereby granted');
    });

    it('has a table behind each plot, whose columns its lines name', () => {
      const figures = htmlReport(results).match(/<figure.*?<\/figure>/gs) ?? [];
      expect(figures).toHaveLength(
        results.report.latency.n === 0 ? (results.seconds.length === 0 ? 0 : 4) : figures.length,
      );
      for (const figure of figures) {
        const spec = JSON.parse(/<script type="application\/json">(.*?)<\/script>/s.exec(figure)?.[1] as string);
        const heads = figure.match(/<th scope="col">/g)?.length ?? 0;
        expect(spec.series.length).toBeGreaterThan(0);
        expect(Math.max(...spec.series.map(({ column }: { column: number }) => column))).toBeLessThan(heads);
        expect(figure).toMatch(/role="img" tabindex="0" aria-labelledby="title-\w+" aria-describedby="summary-\w+"/);
        expect(figure).toMatch(/<details><summary>/);
        const rows = /<tbody>(.*?)<\/tbody>/s.exec(figure)?.[1]?.split('\n') ?? [];
        expect(new Set(rows.map((row) => row.match(/<td>/g)?.length))).toEqual(new Set([heads]));
      }
    });
  });

  it('begins with the verdict, its reasons and what to do', () => {
    const page = htmlReport(resultsOn([failed]));
    const text = body(page);
    expect(text.indexOf('INVALID')).toBeLessThan(text.indexOf('Key figures'));
    expect(text).toContain('None of 1 requests succeeded.');
    expect(text).toContain('To do: look at the failures by cause; try one request by hand.');
  });

  it('says of each threshold how it came out, and draws its limit in the plots of its metric', () => {
    const results = withReport(resultsOn([sample()]), {
      thresholds: [
        threshold({ expression: 'p(95)<200', message: 'p(95) is 10 ms' }),
        threshold({
          expression: 'p(99)<5',
          aggregation: 'p(99)',
          limit: 5,
          state: 'fail',
          pass: false,
          infinite: true,
          value: null,
        }),
        threshold({ expression: 'error_rate<0.01', metric: 'error_rate', unit: 'ratio', limit: 0.01, value: 0 }),
        threshold({ expression: 'ttft: p(95)<1', metric: 'ttft', state: 'no_data', pass: false, value: null, n: 0 }),
      ],
    });
    const page = htmlReport(results);
    expect(page).toContain('2 of 4 not passed');
    expect(page).toMatch(/✓<\/span> passed<th [^>]*><code>p\(95\)&lt;200<\/code><td [^>]*>10.00 ms/);
    expect(page).toMatch(/✗<\/span> failed<th [^>]*><code>p\(99\)&lt;5<\/code><td [^>]*>∞/);
    expect(page).toMatch(/✗<\/span> no data<th [^>]*><code>ttft: p\(95\)&lt;1<\/code><td [^>]*>-/);
    const limits = (id: string) =>
      JSON.parse(
        new RegExp(`id="plot-${id}".*?<script type="application/json">(.*?)</script>`, 's').exec(page)?.[1] as string,
      ).limits;
    const drawn = [
      { label: 'p(95)<200', value: 200, at: 20, failed: false },
      { label: 'p(99)<5', value: 5, at: 100, failed: true },
    ];
    expect(limits('latency')).toEqual(drawn);
    expect(limits('spectrum')).toEqual(drawn);
    expect(limits('requests')).toEqual([]);
  });

  it('names the machine that sent, as far as the plan tells', () => {
    const results = resultsOn([sample()]);
    const facts = (of: Results) =>
      Object.fromEntries(
        [...htmlReport(of).matchAll(/<div><dt>([^<]*)<dd>([^<]*)<\/div>/g)].map(([, name, value]) => [name, value]),
      );
    expect(facts(results)).toMatchObject({
      machine: '8 × Some Processor, x64, 2 of them usable',
      memory: '16.0 GB',
      system: 'Linux 6.1.0',
      'Node.js': 'v20.20.0',
    });
    const older = { ...HOST, cores_available: undefined, kernel: undefined, cpu_model: null };
    expect(facts({ ...results, host: older })).toMatchObject({
      machine: '8 × unknown processor, x64',
      system: 'linux',
    });
    expect(facts({ ...results, host: null })).not.toHaveProperty('machine');
  });

  it('sums up what is counted: no warm-up, and no rate of a second that the load fills in part', () => {
    // From the middle of a second: 0.5 s of warm-up in it, a whole one, and 2 s that count.
    const results = longResults({ seconds: 5, requestsPerS: 20 });
    const rows = results.seconds.map((row, second) => ({
      ...row,
      planned: second === 0 || second === 4 ? 3 : 20,
      p50_ms: second === 0 ? 900 : 5,
    }));
    const startedMs = (results.seconds[0]?.epoch_s as number) * 1000 + 500;
    const run = {
      ...results.report.run,
      started_at: new Date(startedMs).toISOString(),
      warmup_s: 1.5,
      duration_s: 2.2,
    };
    const page = htmlReport({
      ...withReport(results, { run, rates: { ...results.report.rates, window_s: 2.2 } }),
      seconds: rows,
    });
    expect(page).toMatch(/id="summary-requests">Ranges in full seconds of the load: scheduled 20,/);
    expect(page).toMatch(/id="summary-latency">Ranges: p50 5,/);
    expect(page).toContain('The load fills its first or last second only in part.');
    expect(htmlReport(results)).not.toContain('only in part');
    const zones = JSON.parse(/id="plot-latency".*?json">(.*?)<\/script>/s.exec(page)?.[1] as string).zones;
    expect(zones[0]).toEqual({ label: 'warm-up, not counted', from: 0, to: 2, kind: 'uncounted' });
  });

  it('shows no unit where there is no value, and counts one as one', () => {
    const page = body(htmlReport(resultsOn([failed])));
    expect(page).not.toContain('- ms');
    const one = withReport(resultsOn([sample()]), { thresholds: [threshold()] });
    expect(htmlReport(one)).toContain('<span class="count">passed</span>');
  });

  it('leaves a second without a success empty, in the table and so in the plot', () => {
    const page = htmlReport(resultsOn([sample(), sample({ seq: 1, startUs: 2_000_000 })]));
    const rows = /id="plot-latency".*?<tbody>(.*?)<\/tbody>/s.exec(page)?.[1]?.split('\n');
    expect(rows).toEqual([
      '<tr><td>0<td>1<td>10<td>10<td>10<td>10<td>10<td>10',
      '<tr><td>1<td>0<td><td><td><td><td><td>',
      '<tr><td>2<td>1<td>10<td>10<td>10<td>10<td>10<td>10',
    ]);
  });

  it('marks percentiles of too few requests, and shows those that failures make infinite', () => {
    const page = htmlReport(resultsOn([...Array.from({ length: 99 }, (_, seq) => sample({ seq })), failed]));
    const row = (name: string) =>
      /.*/.exec(page.slice(page.indexOf(`<th scope="row">${name}`)))?.[0].replaceAll(/<span[^>]*>(.)<\/span>/g, '$1');
    expect(row('latency<')).toBe('<th scope="row">latency<td>99<td>1.00 %<td>10.00<td>10.00');
    expect(page.slice(page.indexOf('<th scope="row">latency, failures'))).toContain('∞');
  });

  it('shows where the mean latency went: before the sending, in the phases that the server counts, and the rest', () => {
    const results = longResults({ seconds: 10, requestsPerS: 20 });
    const { latency, service_time } = results.report;
    const phases = (page: string) =>
      [...page.matchAll(/<li><span class="key ink-\w+"><\/span> (.*?) <b>(.*?) ms<\/b>/g)].map(([, name, ms]) => [
        name,
        ms,
      ]);
    expect(phases(htmlReport(results))).toEqual([
      ['waiting to be sent', ((latency.mean_ms as number) - (service_time.mean_ms as number)).toFixed(3)],
      ['at the target and on the way', service_time.mean_ms?.toFixed(3)],
    ]);
    const server = {
      ...{
        success_n: 10,
        fail_n: 0,
        inferences_n: 10,
        executions_n: 5,
        batch_mean: 2,
        cache_hits_n: 0,
        cache_misses_n: 0,
      },
      ...{ queue_mean_ms: 0.8, compute_input_mean_ms: 0.2, compute_infer_mean_ms: 2.6, compute_output_mean_ms: 0.1 },
      ...{ cache_mean_ms: null, rest_mean_ms: 0.9 },
    };
    expect(phases(htmlReport(withReport(results, { server_side: server }))).slice(1)).toEqual([
      ['server&#39;s queue', '0.800'],
      ['its input', '0.200'],
      ['its inference', '2.600'],
      ['its output', '0.100'],
      ['network and what it does not count', '0.900'],
    ]);
    expect(htmlReport(resultsOn([sample()]))).not.toContain('Where the time went');
  });

  it('gives the interval of each percentile, and how many requests are missing for one', () => {
    const page = htmlReport(
      resultsOn(Array.from({ length: 120 }, (_, seq) => sample({ seq, endUs: 1_000 * (seq + 1) }))),
    );
    expect(page).toMatch(/latency, 95 % interval<td>120<td><td>\n?<td>\d+\.\d+–\d+\.\d+/);
    expect(page).toContain('p99 needs 473 requests at 95 % confidence: 353 more.');
  });

  it('makes text of whatever a server, a file or a user named', () => {
    const results = resultsOn([sample(), sample({ endpoint: 1 })], ['predict', HOSTILE]);
    const page = htmlReport(
      withReport(results, {
        run: { ...results.report.run, url: HOSTILE, directory: HOSTILE, dataset: HOSTILE, files: [HOSTILE] },
        failures: [{ outcome: 'http_5xx', origin: 'target', count: 1, example: HOSTILE }],
        thresholds: [threshold({ expression: HOSTILE, message: HOSTILE })],
        verdict: {
          status: 'SUSPECT',
          reasons: [{ ...NO_SUCCESS, message: HOSTILE, advice: HOSTILE }],
        },
      }),
    );
    expect(page).not.toContain('<script>alert');
    expect(page.replace(/<script>.*?<\/script>/s, '')).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}]/u);
    expect(page.match(/<script>/g)).toHaveLength(1);
    expect(body(page)).toContain(
      '&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\x1b[31m\\u202e=cmd()\\x0a]]&gt;',
    );
  });

  it('is below a megabyte for two hours of ten million requests', () => {
    const results = longResults({ seconds: 7_200, requestsPerS: 1_389 });
    expect(results.report.counts.planned).toBeGreaterThan(10e6);
    const page = htmlReport(results);
    expect(Buffer.byteLength(page)).toBeLessThan(1e6);
    expect(page).toContain('Each point and row is 4 seconds of the 7,200 of this run');
    expect(/id="plot-latency".*?<tbody>(.*?)<\/tbody>/s.exec(page)?.[1]?.split('\n')).toHaveLength(1_800);
  });
});
