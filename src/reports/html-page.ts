import type { Embedded } from '#page';
import { html, type Markup, NOTHING, trusted } from './html-text.js';

export interface HtmlPage {
  readonly title: string;
  /** Of infer-bench. */
  readonly version: string;
  readonly style: Embedded;
  /** A page without one may run nothing. */
  readonly script?: Embedded;
  /** What stands in the body, the page's own script excepted. */
  readonly body: Markup;
}

/** A page as one file that needs no other and no network, and whose policy allows none but its own script and style. */
export function pageText({ title, version, style, script, body }: HtmlPage): string {
  const policy = [
    "default-src 'none'",
    ...(script ? [`script-src ${script.hash}`] : []),
    `style-src ${style.hash}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `${
    html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="infer-bench ${version}">
<title>${title} · infer-bench</title>
<style>${trusted(style.text)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the figures</a>
${body}
${script ? html`<script>${trusted(script.text)}</script>` : NOTHING}
</body>
</html>
`.markup
  }`;
}
