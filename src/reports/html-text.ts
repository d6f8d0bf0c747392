import { safeText } from '../text.js';

/** Text that is markup already; everything else is escaped where it is put into a template. */
export interface Markup {
  readonly markup: string;
}

type Value = string | number | Markup | readonly Markup[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup with its values escaped, control characters shown: no value can be anything but text of its place. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return {
    markup: parts.map((part, index) => (index === 0 ? part : shown(values[index - 1] as Value) + part)).join(''),
  };
}

function shown(value: Value): string {
  if (typeof value === 'object') {
    return 'markup' in value ? value.markup : value.map(({ markup }) => markup).join('\n');
  }
  return escapedMarkup(safeText(String(value), Number.POSITIVE_INFINITY));
}

/** Text whose signs of markup mean themselves. */
export function escapedMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] as string);
}

export const NOTHING: Markup = { markup: '' };

/** Markup from text that this program made and no user or server had a part in. */
export function trusted(markup: string): Markup {
  return { markup };
}

/** A value as JSON that may stand inside a script element. */
export function inertJson(value: unknown): Markup {
  const escaped = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${(sign.codePointAt(0) as number).toString(16).padStart(4, '0')}`,
  );
  return { markup: escaped };
}
