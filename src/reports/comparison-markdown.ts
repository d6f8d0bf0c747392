import { safeText } from '../text.js';
import {
  type ComparisonOf,
  type ComparisonReport,
  type ComparisonReporter,
  designText,
  differenceText,
  FAIL_ON_MARKS,
  failOnText,
  figureName,
  figureText,
  remarks,
  sideText,
} from './comparison.js';

/** The comparison as Markdown, for a comment on a change. */
export const comparisonMarkdown: ComparisonReporter = (report) =>
  `${report.comparisons.map((of) => section(report, of)).join('\n\n')}\n`;

function section(report: ComparisonReport, of: ComparisonOf): string {
  const rows = of.figures.map((compared) => {
    const { figure, whole, change } = compared;
    const { estimate, interval } = differenceText(compared);
    const mark = change === 'worse' || change === 'better' ? `**${change}**` : change;
    const cells = [
      figureName(figure),
      figureText(figure, whole.base),
      figureText(figure, whole.head),
      estimate,
      interval,
    ];
    return `| ${[...cells, mark].join(' | ')} |`;
  });
  return [
    `**base** ${inert(sideText(report.base))}  \n**head** ${inert(sideText(of.head))}  \n${designText(report, of)}`,
    ['| | base | head | difference | interval | |', '|---|--:|--:|--:|--:|---|', ...rows].join('\n'),
    ...list(of.fail_on.map((one) => safeText(`${FAIL_ON_MARKS[one.status]} ${failOnText(one)}`))),
    ...list(remarks(of)),
  ].join('\n\n');
}

function list(lines: readonly string[]): readonly string[] {
  return lines.length > 0 ? [lines.map((line) => `- ${inert(line)}`).join('\n')] : [];
}

/** Safe text that Markdown and the HTML in it make nothing of. */
function inert(text: string): string {
  return text.replace(/[\\`*_[\]<>|~&]/g, (sign) =>
    sign === '<' ? '&lt;' : sign === '>' ? '&gt;' : sign === '&' ? '&amp;' : `\\${sign}`,
  );
}
