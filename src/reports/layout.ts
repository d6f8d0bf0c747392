import Table from 'cli-table3';

const WIDTH = 80;

/** A table in plain characters without colours; columns from `numbersFrom` on are right-aligned numbers, 0 = none. */
export function plainTable(head: readonly string[], numbersFrom: number, widths: readonly number[] = []) {
  return new Table({
    head: [...head],
    colAligns: head.map((_, index) => (numbersFrom > 0 && index >= numbersFrom ? 'right' : 'left')),
    colWidths: [...widths],
    wordWrap: true,
    wrapOnWordBoundary: false,
    style: { head: [], border: [], 'padding-left': 1, 'padding-right': 0, compact: true },
    chars: {
      top: '─',
      'top-mid': '─',
      'top-left': '─',
      'top-right': '─',
      bottom: '─',
      'bottom-mid': '─',
      'bottom-left': '─',
      'bottom-right': '─',
      mid: '─',
      'mid-mid': '─',
      'left-mid': '─',
      'right-mid': '─',
      left: '',
      right: '',
      middle: '',
    },
  });
}

/** A text in lines of at most 80 columns. */
export function wrap(text: string, indent = '  '): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line ? `${line} ${word}` : word;
    }
  }
  return [...lines, indent + line].join('\n');
}
