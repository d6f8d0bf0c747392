import { safeText } from '../text.js';
import type { ThresholdResult } from '../verdicts/threshold-result.js';
import type { Verdict } from '../verdicts/validity.js';
import type { ResultsReporter } from './results.js';

const MOST_CHARACTERS = 2000;

interface TestCase {
  readonly name: string;
  /** The element inside it, as text; none for a test that passed. */
  readonly outcome?: string;
  readonly kind: 'passed' | 'failure' | 'error' | 'skipped';
}

/**
 * JUnit XML as Jenkins, GitLab and GitHub's actions read it: a test for the verdict and one for each threshold. INVALID is
 * an error, since it says nothing of the target; INCONCLUSIVE is skipped; a threshold without data has failed. Source:
 * the elements that Ant's formatter writes and Jenkins' xUnit plugin documents.
 */
export const junit: ResultsReporter = ({ report: { run, verdict, thresholds, version } }) => {
  const cases = [verdictCase(verdict), ...thresholds.map(thresholdCase)];
  const count = (kind: TestCase['kind']) => cases.filter((one) => one.kind === kind).length;
  const sums = { tests: cases.length, failures: count('failure'), errors: count('error') };
  const name = `${run.protocol} ${run.pattern}`;
  const properties = {
    version,
    url: run.url,
    dataset: run.dataset,
    batch: run.batch,
    seed: run.seed,
    verdict: verdict.status,
    directory: run.directory,
  };
  return `${[
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'infer-bench', ...sums, time: run.duration_s })}>`,
    `  <testsuite${attributes({
      name,
      ...sums,
      skipped: count('skipped'),
      time: run.duration_s,
      timestamp: run.started_at.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length),
    })}>`,
    '    <properties>',
    ...Object.entries(properties).map(([key, value]) => `      <property${attributes({ name: key, value })}/>`),
    '    </properties>',
    ...cases.map(({ name: title, outcome }) => {
      const head = `    <testcase${attributes({ classname: `infer-bench.${run.protocol}.${run.pattern}`, name: title })}`;
      return outcome === undefined ? `${head}/>` : `${head}>\n      ${outcome}\n    </testcase>`;
    }),
    '  </testsuite>',
    '</testsuites>',
  ].join('\n')}\n`;
};

function verdictCase({ status, reasons }: Verdict): TestCase {
  const text = reasons.map(({ code, message, advice }) => `${code}: ${message}. To do: ${advice}.`).join('\n');
  const message = reasons[0]?.message ?? '';
  const name = 'the measurement can be trusted';
  switch (status) {
    case 'VALID':
      return { name, kind: 'passed' };
    case 'SUSPECT':
      return { name, kind: 'passed', outcome: element('system-out', {}, `SUSPECT\n${text}`) };
    case 'INCONCLUSIVE':
      return { name, kind: 'skipped', outcome: `<skipped${attributes({ message: `INCONCLUSIVE: ${message}` })}/>` };
    case 'INVALID':
      return { name, kind: 'error', outcome: element('error', { type: status, message }, text) };
  }
}

function thresholdCase({ expression, pass, state, message }: ThresholdResult): TestCase {
  return pass
    ? { name: expression, kind: 'passed' }
    : {
        name: expression,
        kind: 'failure',
        outcome: element('failure', { type: state, message }, `${expression}: ${message}`),
      };
}

type Attributes = Readonly<Record<string, string | number>>;

function element(name: string, given: Attributes, text: string): string {
  return `<${name}${attributes(given)}>${text.split('\n').map(escaped).join('\n')}</${name}>`;
}

function attributes(given: Attributes): string {
  return Object.entries(given)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('');
}

/** Text that is markup nowhere: control characters are shown, the two code points that XML 1.0 has no way to write too. */
function escaped(text: string): string {
  return safeText(text, MOST_CHARACTERS)
    .replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`)
    .replace(/[\ufffe\uffff]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16)}`);
}
