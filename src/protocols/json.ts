/** A parsed body, or why it is none. */
export type Json = { readonly value: unknown; readonly problem?: undefined } | { readonly problem: string };

/** Strings, which are kept, or bare tokens that JSON does not have. */
const BARE_TOKENS = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/**
 * Parses a JSON body. The bare tokens NaN, Infinity and -Infinity, which TensorFlow Serving writes, are numbers: a
 * strict parser would blame the server for a model's answer.
 */
export function parseJson(body: Buffer): Json {
  const text = body.toString('utf8');
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return parseTolerant(text) ?? { problem: `Not JSON: ${(error as Error).message}` };
  }
}

function parseTolerant(text: string): Json | undefined {
  // 1e999 is a legal JSON number that reads as Infinity; NaN has no such form, and any number serves a shape check.
  const legal = text.replace(BARE_TOKENS, (token) => {
    if (token.startsWith('"')) {
      return token;
    }
    return token.startsWith('-') ? '-1e999' : '1e999';
  });
  try {
    return { value: JSON.parse(legal) };
  } catch {
    return undefined;
  }
}
