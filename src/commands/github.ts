import { appendFileSync } from 'node:fs';
import { BenchError, fileProblem } from '../errors.js';
import type { Io } from '../io.js';
import { githubAnnotations } from '../reports/github.js';
import { markdown } from '../reports/markdown.js';
import type { Results } from '../reports/results.js';

/**
 * Shows a run where GitHub shows a job: annotations, which the runner takes from stderr as well as from stdout, and the
 * page of the job summary. Does nothing outside of a workflow. Throws BenchError('output') when the page cannot be written.
 */
export function tellGithub(io: Pick<Io, 'env' | 'stderr'>, results: Results): void {
  const annotations = io.env.GITHUB_ACTIONS === 'true' ? githubAnnotations(results) : '';
  if (annotations !== '') {
    io.stderr.write(annotations);
  }
  const path = io.env.GITHUB_STEP_SUMMARY;
  if (path) {
    try {
      appendFileSync(path, `${markdown(results)}\n`);
    } catch (error) {
      throw new BenchError('output', `Cannot write $GITHUB_STEP_SUMMARY (${path}): ${fileProblem(error)}`, {
        cause: error,
      });
    }
  }
}
