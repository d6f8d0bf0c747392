import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import {
  type LocustTimes,
  locustExceptions,
  locustFailures,
  locustPercentilesMs,
  locustRoundedMs,
  locustStats,
  locustStatsHistory,
} from '../../../src/reports/locust.js';
import type { Results } from '../../../src/reports/results.js';
import { RUNS } from '../../contract/reporter.js';
import { resultsOn, STARTED_EPOCH_S } from '../../support/results.js';
import { sample } from '../../support/samples.js';

const PERCENTILES = '50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%';
const rowsOf = (text: string) => parse(text, { columns: true }) as readonly Readonly<Record<string, string>>[];
const headOf = (text: string) => text.split('\r\n')[0];
const timesOf = (values: readonly number[]): LocustTimes => {
  const times: LocustTimes = new Map();
  for (const ms of values.map(locustRoundedMs)) {
    times.set(ms, (times.get(ms) ?? 0) + 1);
  }
  return times;
};
/** Requests that were answered after so many ms, all at the run's start. */
const answeredAfter = (...latenciesMs: readonly number[]): Results =>
  resultsOn(latenciesMs.map((ms, seq) => sample({ seq, startUs: 0, endUs: ms * 1000 })));

describe.each([
  ['stats', locustStats],
  ['history', locustStatsHistory],
  ['failures', locustFailures],
  ['exceptions', locustExceptions],
])("Locust's %s", (_name, reporter) => {
  it('has one number of cells in each line, each ended by CR LF', () => {
    for (const results of Object.values(RUNS)) {
      const text = reporter(results);
      const widths = parse(text, { record_delimiter: '\r\n' }).map((cells: readonly string[]) => cells.length);
      expect(new Set(widths).size).toBe(1);
      expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    }
  });

  it('has no cell that a spreadsheet would run', () => {
    for (const cells of parse(reporter(RUNS['hostile texts']!)) as readonly (readonly string[])[]) {
      for (const cell of cells) {
        expect(cell).not.toMatch(/^[=+@|\t\r＝＋－＠]|^-\D/);
      }
    }
  });
});

describe("Locust's numbers", () => {
  it('rounds times as Locust does', () => {
    const rounded = [12.3, 99.4, 147, 105, 115, 995, 3432, 58_760].map(locustRoundedMs);
    expect(rounded).toEqual([12, 99, 150, 100, 120, 1000, 3400, 59_000]);
  });

  it('takes percentiles as Locust does', () => {
    const ten = timesOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const at = [0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1];
    expect(locustPercentilesMs(ten, at)).toEqual([6, 7, 8, 9, 10, 10, 10, 10, 10, 10, 10]);
    const five = timesOf([12.3, 147, 151, 3432, 58_760]);
    expect(locustPercentilesMs(five, [0.5, 0.95])).toEqual([150, 59_000]);
    expect(locustPercentilesMs(new Map(), [0.5])).toEqual([null]);
  });

  it('finds the same in the stats of a run, with an exact minimum, average and maximum', () => {
    const [own, all] = rowsOf(locustStats(answeredAfter(12.3, 147, 151, 3432, 58_760)));
    expect(own).toMatchObject({
      Type: 'sentiment',
      Name: 'sentiment',
      'Request Count': '5',
      'Failure Count': '0',
      'Median Response Time': '150',
      'Average Response Time': '12500.46',
      'Min Response Time': '12.3',
      'Max Response Time': '58760',
      'Average Content Size': '50',
      'Requests/s': '0.5',
      'Failures/s': '0',
      '50%': '150',
      '95%': '59000',
      '100%': '59000',
    });
    expect(all).toEqual({ ...own, Type: '', Name: 'Aggregated' });
    // 1 to 10 ms: the median is the lower one of two, the 50 % is not.
    const ten = rowsOf(locustStats(answeredAfter(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)))[0];
    expect(ten).toMatchObject({ 'Median Response Time': '5', '50%': '6', '90%': '10' });
    // Rounded it would be 150, above everything that was seen.
    expect(rowsOf(locustStats(answeredAfter(147)))[0]).toMatchObject({ 'Median Response Time': '147', '50%': '150' });
  });
});

describe("Locust's files", () => {
  it('have its columns in its order', () => {
    const results = RUNS['a good run']!;
    expect(headOf(locustStats(results))).toBe(
      'Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,' +
        `Max Response Time,Average Content Size,Requests/s,Failures/s,${PERCENTILES}`,
    );
    expect(headOf(locustStatsHistory(results))).toBe(
      `Timestamp,User Count,Type,Name,Requests/s,Failures/s,${PERCENTILES},Total Request Count,Total Failure Count,` +
        'Total Median Response Time,Total Average Response Time,Total Min Response Time,Total Max Response Time,' +
        'Total Average Content Size',
    );
    expect(headOf(locustFailures(results))).toBe('Method,Name,Error,Occurrences');
    expect(locustExceptions(results)).toBe('Count,Message,Traceback,Nodes\r\n');
  });

  it('have a line for each endpoint, and leave empty what is not known of one', () => {
    const [predict, health, all] = rowsOf(locustStats(RUNS['two endpoints']!));
    expect(predict).toMatchObject({ Name: 'predict', 'Request Count': '201', 'Failure Count': '1' });
    expect(health).toMatchObject({ Name: 'health', 'Failure Count': '0', 'Average Content Size': '50' });
    expect(all).toMatchObject({ Name: 'Aggregated', 'Request Count': '401', 'Average Content Size': '50' });
    expect(rowsOf(locustFailures(RUNS['two endpoints']!))).toEqual([
      { Method: 'sentiment', Name: 'predict', Error: 'http_5xx', Occurrences: '1' },
    ]);
  });

  it('have empty cells where nothing was answered', () => {
    const [own] = rowsOf(locustStats(RUNS['no success']!));
    expect(own).toMatchObject({ 'Request Count': '2', 'Failure Count': '2', 'Median Response Time': '', '50%': '' });
  });
});

describe("Locust's history", () => {
  /** 20 s of ten answers a second after 20 ms, and after 500 ms from the tenth second on; one failure in the first second. */
  const answers = Array.from({ length: 200 }, (_, seq) => {
    const startUs = seq * 100_000 + 1;
    return sample({ seq, startUs, endUs: startUs + (seq < 100 ? 20_000 : 50_000) });
  });
  const failure = sample({ seq: 200, startUs: 5, endUs: 900_000, outcome: 'http_5xx', origin: 'target' });
  const rows = rowsOf(locustStatsHistory(resultsOn([...answers, failure])));
  const all = rows.filter(({ Name }) => Name === 'Aggregated');

  it('has a line for each second, endpoint and all', () => {
    expect(all.map(({ Timestamp }) => Number(Timestamp) - STARTED_EPOCH_S)).toEqual(
      Array.from({ length: 20 }, (_, second) => second),
    );
    expect(rows).toHaveLength(40);
    expect(rows[0]).toEqual({ ...all[0], Type: 'sentiment', Name: 'sentiment' });
  });

  it('has percentiles of the last ten seconds, and totals since the start', () => {
    expect(all[9]).toMatchObject({ '50%': '20', '100%': '20', 'Total Median Response Time': '20' });
    expect(all[19]).toMatchObject({ '50%': '50', '100%': '50', 'Total Median Response Time': '20' });
    expect(all[19]).toMatchObject({
      'Total Request Count': '201',
      'Total Failure Count': '1',
      'Total Average Response Time': '35',
      'Total Min Response Time': '20',
      'Total Max Response Time': '50',
    });
  });

  it('has rates that lag two seconds behind and are 0 in the first three', () => {
    expect(all.slice(0, 5).map((row) => row['Requests/s'])).toEqual(['0', '0', '0', '11', '10.5']);
    expect(all.slice(0, 5).map((row) => row['Failures/s'])).toEqual(['0', '0', '0', '1', '0.5']);
    expect(all[19]).toMatchObject({ 'Requests/s': '10', 'Failures/s': '0' });
  });

  it('has N/A before the first answer', () => {
    const late = rowsOf(locustStatsHistory(resultsOn([sample({ startUs: 0, endUs: 2_500_000 })])));
    expect(late.map((row) => row['50%'])).toEqual(['N/A', 'N/A', 'N/A', 'N/A', '2500', '2500']);
    expect(late[0]).toMatchObject({ 'Total Median Response Time': '', 'Total Request Count': '0' });
  });

  it('counts by endpoint where no request failed there, and says nothing where one did', () => {
    const last = rowsOf(locustStatsHistory(RUNS['two endpoints']!)).slice(-3);
    expect(last.map((row) => [row.Name, row['Total Request Count'], row['Total Failure Count']])).toEqual([
      ['predict', '', ''],
      ['health', '200', '0'],
      ['Aggregated', '401', '1'],
    ]);
  });
});
