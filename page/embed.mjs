/**
 * Puts what `report.html` carries besides its data into one module, `dist/page.js`, which the reporter imports as
 * `#page`: reports are pure functions and read no files, and a report is one file that asks the network for nothing.
 * The last step of `npm run build`; uPlot is copied from its package here, so users need not install it.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const text = (path) => readFileSync(new URL(path, import.meta.url), 'utf8').trim();
const uplot = (file) => text(`../node_modules/uplot/${file}`);

const script = [
  `/*!\nuPlot\n${uplot('LICENSE')}\n*/`,
  uplot('dist/uPlot.iife.min.js'),
  text('../dist/page/report.js'),
].join('\n');
const style = [uplot('dist/uPlot.min.css'), text('report.css')].join('\n');
if (/<\/script|<!--/i.test(script) || /<\/style/i.test(style)) {
  throw new Error('The page of the report would end its own script or style early');
}
const hash = (content) => `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
const page = { script, style, scriptHash: hash(script), styleHash: hash(style) };
writeFileSync(new URL('../dist/page.js', import.meta.url), `export const PAGE = ${JSON.stringify(page)};\n`);
