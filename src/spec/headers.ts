import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileProblem } from '../errors.js';
import { FlagProblem, type FlagValues } from '../flags.js';
import { MASK } from '../text.js';
import { parseHeader, type RUN_FLAGS } from './run-flags.js';

/** All headers of the command line and the header file, the former first; what is wrong goes to `problems`. */
export function readHeaders(
  settings: FlagValues<typeof RUN_FLAGS>,
  cwd: string,
  problems: string[],
): Readonly<Record<string, string>> {
  const ofFlags = Object.fromEntries(settings.header.filter((header) => header !== undefined));
  const path = settings['header-file'];
  if (path === undefined) {
    return refuseMasked(ofFlags, problems);
  }
  let text: string;
  try {
    text = readFileSync(resolve(cwd, path), 'utf8');
  } catch (error) {
    problems.push(`Cannot read --header-file ${path}: ${fileProblem(error)}`);
    return refuseMasked(ofFlags, problems);
  }
  const ofFile = text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') {
      return [];
    }
    try {
      return [parseHeader(line)];
    } catch (error) {
      if (!(error instanceof FlagProblem)) {
        throw error;
      }
      // The line itself may hold a secret: it is not shown.
      problems.push(`${path}:${index + 1}: ${error.message}`);
      return [];
    }
  });
  return refuseMasked({ ...Object.fromEntries(ofFile), ...ofFlags }, problems);
}

/** A masked secret of a saved spec must not be sent as if it were one. */
function refuseMasked(headers: Readonly<Record<string, string>>, problems: string[]): Readonly<Record<string, string>> {
  problems.push(
    ...Object.keys(headers)
      .filter((name) => headers[name] === MASK)
      .map((name) => `Cannot send header "${name}": its value was masked when the spec was saved; give it again`),
  );
  return headers;
}
