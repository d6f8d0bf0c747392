import { safeText } from '../text.js';

const MOST_CHARACTERS = 1000;

/** Text from elsewhere as a code span. What would end the span or its cell is shown as `\xNN`, as control characters are. */
export function markdownCode(text: string): string {
  const shown = safeText(text).replace(/[`|]/g, (mark) => `\\x${mark.charCodeAt(0).toString(16)}`);
  return `\`${shown || ' '}\``;
}

/** A sentence of which Markdown makes nothing but its words: no tag, link, mention, heading or cell. */
export function markdownText(text: string): string {
  return safeText(text, MOST_CHARACTERS)
    .replace(/[\\`*_[\]<>&#~@]/g, '\\$&')
    .replaceAll('|', '&#124;')
    .replace(/:\/\/|www\./gi, (start) => start.replace(/[/.]/g, '\\$&'));
}
