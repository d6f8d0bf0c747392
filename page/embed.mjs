/**
 * Puts what the HTML pages carry besides their data into one module, `dist/page.js`, which the reporters import as
 * `#page`: reports are pure functions and read no files, and a page is one file that asks the network for nothing.
 * The last step of `npm run build`; uPlot is copied from its package here, so users need not install it.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const text = (path) => readFileSync(new URL(path, import.meta.url), 'utf8').trim();
const uplot = (file) => text(`../node_modules/uplot/${file}`);
const joined = (...parts) => {
  const whole = parts.join('\n');
  if (/<\/script|<!--|<\/style/i.test(whole)) {
    throw new Error('The page of a report would end its own script or style early');
  }
  return { text: whole, hash: `'sha256-${createHash('sha256').update(whole).digest('base64')}'` };
};

const base = text('base.css');
const page = {
  script: joined(
    `/*!\nuPlot\n${uplot('LICENSE')}\n*/`,
    uplot('dist/uPlot.iife.min.js'),
    text('../dist/page/report.js'),
  ),
  reportStyle: joined(uplot('dist/uPlot.min.css'), base, text('report.css')),
  comparisonStyle: joined(base, text('comparison.css')),
};
writeFileSync(new URL('../dist/page.js', import.meta.url), `export const PAGE = ${JSON.stringify(page)};\n`);
