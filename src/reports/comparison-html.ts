import { PAGE } from '#page';
import type { Change, Compared } from '../verdicts/comparison.js';
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
  type SideFacts,
  sideText,
} from './comparison.js';
import { pageText } from './html-page.js';
import { scrolling } from './html-sections.js';
import { html, type Markup, NOTHING } from './html-text.js';

/** The comparison as one file that needs no other, no script and no network: tables, and plots of the intervals. */
export const comparisonHtml: ComparisonReporter = (report) =>
  pageText({
    title: title(report),
    version: report.version,
    style: PAGE.comparisonStyle,
    body: html`<header>
<p class="brand">infer-bench compare</p>
<h1>${title(report)}</h1>
<p>base: ${sideText(report.base)}</p>
</header>
<main id="content">
${report.comparisons.map((of, index) => section(report, of, index))}
${runsSection([report.base, ...report.comparisons.map(({ head }) => head)])}
${methodSection(report)}
</main>
<footer><p>Made by infer-bench ${report.version}. This file asks the network for nothing.</p></footer>`,
  });

function title({ base, comparisons }: ComparisonReport): string {
  return `${base.name} against ${comparisons.map(({ head }) => head.name).join(', ')}`;
}

function section(report: ComparisonReport, of: ComparisonOf, index: number): Markup {
  const id = `head-${index}`;
  const heads = ['base', 'head', 'difference', 'interval'];
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">head: ${of.head.name}</h2>
<p>${sideText(of.head)}<br><span class="note">${designText(report, of)}</span></p>
${outcome(of.figures)}
${list(of.fail_on.map((one) => html`<li class="${one.status}"><span class="state">${FAIL_ON_MARKS[one.status]}</span> ${failOnText(one)}`))}
${scrolling(
  `Figures of ${of.head.name}`,
  html`<table class="numbers stack">
<thead><tr><th scope="col">figure${heads.map((head) => html`<th scope="col">${head}`)}<th scope="col">change</thead>
<tbody>${of.figures.map((compared) => row(compared, heads))}</tbody></table>`,
)}
${forest(of)}
${list(remarks(of).map((line) => html`<li>${line}`))}
</section>`;
}

function row(compared: Compared, heads: readonly string[]): Markup {
  const { figure, whole, change } = compared;
  const { estimate, interval } = differenceText(compared);
  const cells = [figureText(figure, whole.base), figureText(figure, whole.head), estimate, interval];
  return html`<tr class="${change}"><th class="lead" scope="row">${figureName(figure)}${cells.map(
    (cell, index) => html`<td data-label="${heads[index] as string}">${cell}`,
  )}<td class="state lead">${change}`;
}

const CHANGES: readonly Change[] = ['worse', 'better', 'unclear', 'same'];
const MARKS = { worse: '✗', better: '✓', unclear: '?', same: '=' } as const satisfies Record<Change, string>;

/** What changed and what did not, before any number. */
function outcome(figures: readonly Compared[]): Markup {
  const items = CHANGES.flatMap((change) => {
    const names = figures.filter((one) => one.change === change).map(({ figure }) => figureName(figure));
    return names.length === 0
      ? []
      : [html`<li class="${change}"><span class="state">${MARKS[change]} ${change}</span> ${names.join(', ')}`];
  });
  return html`<ul class="outcome">${items}</ul>`;
}

function list(items: readonly Markup[]): Markup {
  return items.length > 0 ? html`<ul>${items}</ul>` : NOTHING;
}

/** Which runs were compared, and how far each of them can be trusted. */
function runsSection(sides: readonly SideFacts[]): Markup {
  const rows = sides.flatMap(({ name, runs }) =>
    runs.map(
      ({ directory, url, started_at, verdict, reasons }) =>
        html`<tr><th class="lead" scope="row">${name}<td class="lead">${verdict}<td class="text whole">${directory}<td class="text whole">${url}<td class="whole">${started_at.slice(0, 19).replace('T', ' ')}<td class="text whole">${reasons.join(' ')}`,
    ),
  );
  return html`<section aria-labelledby="runs"><h2 id="runs">Runs</h2>
${scrolling(
  'Runs',
  html`<table class="stack"><thead><tr><th scope="col">side<th scope="col">verdict<th scope="col">run directory<th scope="col">target<th scope="col">started, UTC<th scope="col">reasons</thead>
<tbody>${rows}</tbody></table>`,
)}
</section>`;
}

function methodSection({ confidence_ratio, min_effect_ratio, seed }: ComparisonReport): Markup {
  return html`<section aria-labelledby="method"><h2 id="method">How to read it</h2>
<dl class="facts lines">
<div><dt>difference<dd>the median difference of the units (Hodges and Lehmann), relative to the base</div>
<div><dt>interval<dd>${percent(confidence_ratio)} for all figures of a table together</div>
<div><dt>worse, better<dd>at least ${percent(min_effect_ratio)}, and the interval excludes 0</div>
<div><dt>same<dd>the whole interval is within ${percent(min_effect_ratio)}</div>
<div><dt>unclear<dd>the units do not tell; that is not the same as equal</div>
<div><dt>seed<dd>${seed}</div>
</dl></section>`;
}

/** Height of a row of the plot and of its axis, px; the style sheet has the same for the names beside it. */
const [ROW, AXIS] = [26, 22] as const;

/**
 * Each relative difference as a point on a line for its interval; the same data as the table. Places are shares of the
 * width, so that texts keep their size on any screen. Without any bounded interval there is no plot.
 */
function forest({ figures, head }: ComparisonOf): Markup {
  const shown = figures.filter(({ relative }) => relative !== null && isBounded(relative));
  if (shown.length === 0) {
    return NOTHING;
  }
  const finite = (values: readonly number[]) => values.filter(Number.isFinite).map(Math.abs);
  const estimates = finite(shown.map(({ relative }) => relative?.estimate ?? 0));
  const bounds = finite(shown.flatMap(({ relative }) => [relative?.low ?? 0, relative?.high ?? 0]));
  // A single wide interval must not make all others points: it goes on beyond the edge.
  const reach = 1.05 * Math.min(Math.max(0.02, ...bounds), Math.max(0.1, 3 * Math.max(0, ...estimates)));
  const step = niceStep(reach);
  const each = Math.floor(reach / step);
  const x = (ratio: number) => `${((100 * (clamped(ratio, reach) + reach)) / (2 * reach)).toFixed(2)}%`;
  const ticks = Array.from({ length: 2 * each + 1 }, (_, at) => at - each);
  const height = shown.length * ROW;
  const grid = ticks.map(
    (tick) =>
      html`<line class="${tick === 0 ? 'zero' : 'axis'}" x1="${x(tick * step)}" x2="${x(tick * step)}" y1="0" y2="${height}"/>`,
  );
  // On a narrow screen there is room for the numbers at the ends and in the middle.
  const numbers = ticks.map(
    (tick) =>
      html`<text${Math.abs(tick) === each || tick === 0 ? NOTHING : html` class="between"`} x="${x(tick * step)}" y="${height + 16}" text-anchor="middle">${signedPercent(tick * step)}</text>`,
  );
  const kinds = CHANGES.filter((change) => shown.some((one) => one.change === change));
  return html`<figure class="plot">
<div class="forest" role="img" aria-label="Relative differences of ${head.name} from the base with their intervals; the data are in the table">
<div class="names">${shown.map(({ figure }) => html`<span>${figureName(figure)}</span>`)}</div>
<svg height="${height + AXIS}">
${grid}
${numbers}
${shown.map((compared, index) => mark(compared, (index + 0.5) * ROW, x, reach))}
</svg></div>
<figcaption><ul class="keys">${kinds.map((change) => html`<li class="${change}"><svg width="22" height="12" aria-hidden="true">${point(change, '50%', 6, ['0', '100%'])}</svg> <span class="state">${change}</span>`)}</ul>
<p class="note">Differences relative to the base, with their intervals.${bounds.some((bound) => bound > reach) ? ' A line with an arrow goes on beyond the edge.' : ''}</p></figcaption>
</figure>`;
}

function mark(compared: Compared, y: number, x: (ratio: number) => string, reach: number): Markup {
  const { figure, relative, change } = compared;
  const { estimate = 0, low = 0, high = 0 } = relative ?? {};
  const text = differenceText(compared);
  return html`<g class="${change}"><title>${figureName(figure)}: ${text.estimate} (${text.interval})</title>${point(change, x(estimate), y, [x(low), x(high)])}
${low < -reach ? html`<text class="beyond" x="0" y="${y + 4}">◂</text>` : NOTHING}${high > reach ? html`<text class="beyond" x="100%" y="${y + 4}" text-anchor="end">▸</text>` : NOTHING}</g>`;
}

/** An estimate on its interval; hollow where the units do not tell. */
function point(change: Change, at: string, y: number, [from, to]: readonly [string, string]): Markup {
  return html`<line x1="${from}" x2="${to}" y1="${y}" y2="${y}" stroke-width="2"/><circle${change === 'unclear' ? html` class="hollow"` : NOTHING} cx="${at}" cy="${y}" r="4.5"/>`;
}

function clamped(ratio: number, reach: number): number {
  return Math.max(-reach, Math.min(reach, ratio));
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

function signedPercent(ratio: number): string {
  return `${ratio > 0 ? '+' : ratio < 0 ? '−' : ''}${percent(Math.abs(ratio))}`;
}
