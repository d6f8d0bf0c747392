import Table from 'cli-table3';

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
