import { safeText } from '../text.js';
import type { ResultsReporter } from './results.js';

const MOST_CHARACTERS = 1000;

/**
 * Workflow commands by which GitHub annotates a job: an error for each threshold that was not passed and each reason of
 * an INVALID run, a warning for the other reasons; none where all is well. Source: "Workflow commands for GitHub Actions",
 * escaping as in the runner.
 */
export const githubAnnotations: ResultsReporter = ({ report: { verdict, thresholds } }) =>
  [
    ...verdict.reasons.map(({ code, status, message, advice }) =>
      command(status === 'INVALID' ? 'error' : 'warning', `${status}: ${code}`, `${message}. To do: ${advice}.`),
    ),
    ...thresholds
      .filter(({ pass }) => !pass)
      .map(({ expression, state, message }) =>
        command('error', `Threshold ${state.replace('_', ' ')}: ${expression}`, message),
      ),
  ].join('');

function command(level: 'error' | 'warning', title: string, message: string): string {
  return `::${level} title=${property(title)}::${data(message)}\n`;
}

function data(text: string): string {
  return safeText(text, MOST_CHARACTERS).replace(/[%\r\n]/g, percentEncoded);
}

function property(text: string): string {
  return safeText(text).replace(/[%\r\n:,]/g, percentEncoded);
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
