import { PAGE } from '#page';
import { pageText } from './html-page.js';
import { distributionPlots, timePlots } from './html-plots.js';
import {
  failuresSection,
  figuresSection,
  level,
  manifestSection,
  partsSection,
  phasesSection,
  thresholdsSection,
  tokensSection,
  verdictSection,
} from './html-sections.js';
import { html, type Markup, NOTHING } from './html-text.js';
import type { Report } from './report.js';
import type { Results, ResultsReporter } from './results.js';

/**
 * `report.html`: one file that needs no other and no network, and whose policy allows none. Everything is in the markup,
 * the data of the plots as tables; the script of the page only draws them. Below 1 MB for a run of hours.
 */
export const htmlReport: ResultsReporter = (results) => {
  const { report } = results;
  const title = `${report.verdict.status} · ${report.run.protocol} · ${report.run.pattern}`;
  return pageText({
    title,
    version: report.version,
    style: PAGE.reportStyle,
    script: PAGE.script,
    body: html`${head(report)}
<main id="content">
${verdictSection(report)}
${thresholdsSection(report)}
${figuresSection(report)}
${failuresSection(report)}
${partsSection(report)}
${tokensSection(report)}
${timeSection(results)}
${distributionSection(results)}
${phasesSection(report)}
${manifestSection(results)}
</main>
<footer><p>Made by infer-bench ${report.version}. Plots by uPlot (MIT). This file asks the network for nothing.</p></footer>`,
  });
};

function head(report: Report): Markup {
  const { run } = report;
  return html`<header>
<p class="brand">infer-bench</p>
<h1>${run.protocol} · ${run.pattern}</h1>
<p>${run.url}${run.embedded_server ? ' (embedded server)' : ''} · ${run.model} model, up to ${level(report)} for ${run.duration_s} s · ${run.dataset}, batch ${run.batch}, seed ${run.seed}</p>
<p class="note"><time datetime="${run.started_at}">${run.started_at.slice(0, 19).replace('T', ' ')} UTC</time>${run.insecure ? " · the server's certificate was not verified" : ''}</p>
</header>`;
}

function timeSection(results: Results): Markup {
  if (results.seconds.length === 0) {
    return html`<section aria-labelledby="time"><h2 id="time">Over time</h2><p class="note">No second of this run has a request.</p></section>`;
  }
  const { plots, note } = timePlots(results);
  return html`<section class="wide" aria-labelledby="time">
<h2 id="time">Over time</h2>
<p class="note">Time from the start of the run. ${note}</p>
<noscript><p class="note">The plots are drawn by this page's script, which does not run here; the tables hold all of their data.</p></noscript>
${toolbar('time', 'All plots over time share one axis: drag across one to zoom, double-click to see all. With the keyboard: arrows, + and −, Escape.')}
${plots}</section>`;
}

function distributionSection(results: Results): Markup {
  const plots = distributionPlots(results);
  return plots.length === 0
    ? NOTHING
    : html`<section class="wide" aria-labelledby="distribution"><h2 id="distribution">Distribution over the whole run</h2>
<p class="note">Drag across a plot to zoom, double-click or Escape to see all of it.</p>
<div class="pair">${plots}</div></section>`;
}

/** Filled by the script: without it there is nothing to zoom. */
function toolbar(group: string, hint: string): Markup {
  return html`<div class="toolbar" role="group" aria-label="Zoom" data-group="${group}" hidden>
<button type="button" data-do="in">Zoom in</button>
<button type="button" data-do="out">Zoom out</button>
<button type="button" data-do="reset" disabled>Reset zoom</button>
<label><input type="checkbox" data-do="log"> Logarithmic ms</label>
<p class="note">${hint}</p></div>`;
}
