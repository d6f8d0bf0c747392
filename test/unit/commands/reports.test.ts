import { describe, expect, it } from 'vitest';
import { report } from '../../../src/commands/report.js';
import { readReportNames } from '../../../src/commands/reports.js';
import { REPORTERS } from '../../../src/reports/index.js';

const read = (list: string) => {
  const problems: string[] = [];
  return { names: readReportNames(list, '--format', problems), problems };
};

describe('the names of reports', () => {
  it('are all in the help', () => {
    const words = report.notes?.split(/[\s,:;().]+/) ?? [];
    for (const name of Object.keys(REPORTERS)) {
      expect(words).toContain(name);
    }
  });

  it('can be those of a tool with several files, each once', () => {
    expect(read('locust')).toEqual({
      names: ['locust-stats', 'locust-history', 'locust-failures', 'locust-exceptions'],
      problems: [],
    });
    expect(read('hgrm-service, hgrm,k6').names).toEqual(['hgrm-service', 'hgrm-latency', 'k6']);
  });

  it('are whole words', () => {
    for (const list of ['poem', 'per', 'locust-', '', 'k6,', 'toString']) {
      expect(read(list).problems, list).toHaveLength(1);
    }
    expect(read('console').names).toEqual(['console']);
  });
});
