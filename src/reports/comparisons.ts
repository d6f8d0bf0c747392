import { type ComparisonReporter, comparisonConsole } from './comparison.js';
import { comparisonHtml } from './comparison-html.js';
import { comparisonJson } from './comparison-json.js';
import { comparisonMarkdown } from './comparison-markdown.js';

/** What `compare` can print. */
export const COMPARISON_REPORTERS = {
  console: comparisonConsole,
  markdown: comparisonMarkdown,
  html: comparisonHtml,
  json: comparisonJson,
} as const satisfies Readonly<Record<string, ComparisonReporter>>;

/** What it writes into a directory. */
export const COMPARISON_FILES: Readonly<Record<string, ComparisonReporter>> = {
  'compare.html': comparisonHtml,
  'compare.md': comparisonMarkdown,
  'compare.json': comparisonJson,
};
