import { safeText } from '../text.js';
import type { Compared } from '../verdicts/comparison.js';
import {
  type ComparisonOf,
  type ComparisonReport,
  type ComparisonReporter,
  designText,
  differenceText,
  FAIL_ON_MARKS,
  failOnText,
  figureName,
  figureText,
  isBounded,
  remarks,
  sideText,
} from './comparison.js';
import { escapedMarkup } from './html-text.js';

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #fff; --worse: #b42318; --better: #1a7f37; --same: #57606a }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa4af; --line: #3d444d; --paper: #0d1117; --worse: #ff8f85; --better: #5fd07a; --same: #9aa4af } }
body { margin: 0 auto; padding: 1.5rem; max-width: 68rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem } .soft { color: var(--soft) } p, li { overflow-wrap: anywhere }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap } th:first-child, td:last-child { text-align: left }
.worse, .failed { color: var(--worse); font-weight: 600 } .better { color: var(--better); font-weight: 600 }
svg { width: 100%; height: auto; font: 13px system-ui, sans-serif } svg text { fill: var(--ink) } svg .axis { stroke: var(--line) } svg .zero { stroke: var(--soft) }
svg .same, svg .unclear { stroke: var(--same); fill: var(--same) } svg .worse { stroke: var(--worse); fill: var(--worse) } svg .better { stroke: var(--better); fill: var(--better) }
@media print { body { padding: 0 } }
`;

/** The comparison as one file that needs no other, no script and no network: a table and a plot of the intervals. */
export const comparisonHtml: ComparisonReporter = (report) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${inert(title(report))} · infer-bench</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${inert(title(report))}</h1>
<p>base: ${inert(sideText(report.base))}</p>
${report.comparisons.map((of) => section(report, of)).join('\n')}
<p class="soft">Difference: the median difference of the units (Hodges and Lehmann). Interval: ${inert(percent(report.confidence_ratio))} for all figures of a table together. Better and worse: at least ${inert(percent(report.min_effect_ratio))}, and the interval excludes 0. infer-bench ${inert(report.version)}, seed ${report.seed}.</p>
</main>
</body>
</html>
`;

function title({ base, comparisons }: ComparisonReport): string {
  return `${base.name} against ${comparisons.map(({ head }) => head.name).join(', ')}`;
}

function section(report: ComparisonReport, of: ComparisonOf): string {
  const rows = of.figures.map((compared) => {
    const { figure, whole, change } = compared;
    const { estimate, interval } = differenceText(compared);
    const cells = [figureText(figure, whole.base), figureText(figure, whole.head), estimate, interval];
    const numbers = cells.map((cell) => `<td>${inert(cell)}</td>`).join('');
    return `<tr><th scope="row">${inert(figureName(figure))}</th>${numbers}<td class="${change}">${change}</td></tr>`;
  });
  const limits = of.fail_on.map(
    (one) => `<li class="${one.status}">${FAIL_ON_MARKS[one.status]} ${inert(failOnText(one))}</li>`,
  );
  const notes = remarks(of).map((line) => `<li>${escapedMarkup(line)}</li>`);
  return `<section>
<h2>head: ${inert(of.head.name)}</h2>
<p>${inert(sideText(of.head))}<br><span class="soft">${inert(designText(report, of))}</span></p>
${list(limits)}
<div class="scroll"><table>
<thead><tr><th scope="col">figure</th><th scope="col">base</th><th scope="col">head</th><th scope="col">difference</th><th scope="col">interval</th><th scope="col"></th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div>
${forest(of)}
${list(notes)}
</section>`;
}

function list(items: readonly string[]): string {
  return items.length > 0 ? `<ul>${items.join('')}</ul>` : '';
}

const [WIDTH, LEFT, RIGHT, ROW] = [720, 150, 20, 26] as const;

/** Each relative difference as a point on a line for its interval; the same data as the table. Without any there is no plot. */
function forest({ figures, head }: ComparisonOf): string {
  const shown = figures.filter(({ relative }) => relative !== null && isBounded(relative));
  if (shown.length === 0) {
    return '';
  }
  const finite = (values: readonly number[]) => values.filter(Number.isFinite).map(Math.abs);
  const estimates = finite(shown.map(({ relative }) => relative?.estimate ?? 0));
  const bounds = finite(shown.flatMap(({ relative }) => [relative?.low ?? 0, relative?.high ?? 0]));
  // A single wide interval must not make all others points: it goes on beyond the edge.
  const reach = 1.05 * Math.min(Math.max(0.02, ...bounds), Math.max(0.1, 3 * Math.max(0, ...estimates)));
  const step = niceStep(reach);
  const x = (ratio: number) =>
    LEFT + ((Math.max(-reach, Math.min(reach, ratio)) + reach) / (2 * reach)) * (WIDTH - LEFT - RIGHT);
  const height = (shown.length + 1) * ROW + 10;
  const ticks = Array.from(
    { length: 2 * Math.floor(reach / step) + 1 },
    (_, at) => (at - Math.floor(reach / step)) * step,
  );
  const axis = ticks.map((tick) => {
    const at = x(tick).toFixed(1);
    const kind = Math.abs(tick) < step / 2 ? 'zero' : 'axis';
    return `<line class="${kind}" x1="${at}" x2="${at}" y1="4" y2="${height - ROW}"/><text x="${at}" y="${height - 8}" text-anchor="middle">${inert(percent(tick))}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${inert(`Relative differences of ${head.name} from the base with their intervals; the data are in the table`)}">
${axis.join('\n')}
${shown.map((compared, row) => mark(compared, (row + 0.5) * ROW + 4, x)).join('\n')}
</svg>
<p class="soft">Differences relative to the base. A line that ends at the edge goes on beyond it.</p>`;
}

function mark(compared: Compared, y: number, x: (ratio: number) => number): string {
  const { figure, relative, change } = compared;
  const { estimate = 0, low = 0, high = 0 } = relative ?? {};
  const text = differenceText(compared);
  return `<g class="${change}"><title>${inert(`${figureName(figure)}: ${text.estimate} (${text.interval})`)}</title><line x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${y}" y2="${y}" stroke-width="2"/><circle cx="${x(estimate).toFixed(1)}" cy="${y}" r="4.5"/></g><text x="${LEFT - 10}" y="${y + 4}" text-anchor="end">${inert(figureName(figure))}</text>`;
}

/** A step of 1, 2 or 5 times a power of ten, of which three or four reach from the middle to the end. */
function niceStep(reach: number): number {
  const power = 10 ** Math.floor(Math.log10(reach / 3));
  const times = [1, 2, 5, 10].find((factor) => factor * power >= reach / 4) ?? 10;
  return times * power;
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(3))} %`;
}

/** Text that can be nothing but text where it stands. */
function inert(text: string): string {
  return escapedMarkup(safeText(text));
}
