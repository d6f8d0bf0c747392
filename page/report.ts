/// <reference types="uplot" />
/**
 * The script of `report.html`: draws each plot from its own table, and lets the plots over time share cursor and zoom. It
 * runs in the reader's browser, asks the network for nothing and makes no markup from text: names come as text nodes.
 */
(() => {
  type PlotSpec = import('./page.js').PlotSpec;
  type Value = number | null;

  interface Drawing {
    readonly spec: PlotSpec;
    readonly host: HTMLElement;
    readonly columns: Value[][];
    /** Where the values under the cursor are shown, the one of x first. */
    readonly outputs: HTMLElement[];
    readonly hidden: Set<number>;
    plot: uPlot;
  }

  const root = document.documentElement;
  const drawings: Drawing[] = [];
  const toolbar = document.querySelector<HTMLElement>('.toolbar');
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  let logY = false;

  const color = (name: string): string => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

  /** A cell without text has no value: it stays a gap. */
  function columnsOf(table: HTMLTableElement): Value[][] {
    const columns: Value[][] = [...(table.tHead?.rows[0]?.cells ?? [])].map(() => []);
    for (const row of table.tBodies[0]?.rows ?? []) {
      for (const [index, cell] of [...row.cells].entries()) {
        const text = cell.textContent?.trim() ?? '';
        columns[index]?.push(text === '' ? null : Number(text));
      }
    }
    return columns;
  }

  function elapsed(seconds: number): string {
    const sign = seconds < 0 ? '−' : '';
    const whole = Math.abs(seconds);
    const pad = (part: number) => String(Math.floor(part)).padStart(2, '0');
    const hours = Math.floor(whole / 3600);
    const rest = `${hours > 0 ? pad((whole / 60) % 60) : Math.floor(whole / 60)}:${pad(whole % 60)}`;
    return sign + (hours > 0 ? `${hours}:${rest}` : rest) + (whole % 1 === 0 ? '' : (whole % 1).toFixed(1).slice(1));
  }

  function number(value: number): string {
    const size = Math.abs(value);
    if (size >= 1000) {
      return Math.round(value).toLocaleString('en');
    }
    return String(Number(value.toPrecision(size >= 100 ? 4 : 3)));
  }

  /** On a logarithmic axis 1, 2 and 5 of each decade have a number, and not where the axis happens to begin. */
  function isRound(value: number): boolean {
    const digit = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
    return [1, 2, 5].some((round) => Math.abs(digit - round) < 1e-6);
  }

  /** What has no unit is a count, and there are no halves of those. */
  function yText(y: number | null, unit: string, isLog: boolean): string {
    if (y === null || (unit === '' && !Number.isInteger(y)) || (isLog && !isRound(y))) {
      return '';
    }
    return `${number(y)} ${unit}`.trim();
  }

  function percentile(x: number): string {
    const digits = Math.max(0, Math.ceil(Math.log10(x)) - 1);
    return `p${Number((100 * (1 - 1 / x)).toFixed(digits + 1))}`;
  }

  function xText({ spec, columns }: Drawing, index: number): string {
    const x = columns[spec.x]?.[index] ?? 0;
    if (spec.kind === 'time') {
      return elapsed(x);
    }
    return spec.kind === 'spectrum' ? percentile(x) : `${number(x)}–${number(columns[1]?.[index] ?? 0)} ms`;
  }

  /** A point between two gaps has no line: it is drawn as a dot, whatever the density. */
  function lonePoints(u: uPlot, series: number, show: boolean): number[] | null {
    if (show) {
      return null;
    }
    const values = u.data[series] as Value[];
    return values.flatMap((value, index) =>
      value !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null ? [index] : [],
    );
  }

  /** The least and the greatest of what is shown; what is counted nowhere does not squeeze the rest, unless it is all. */
  function extremes({ spec, columns, hidden }: Drawing, u: uPlot): readonly [number, number] | undefined {
    const [first, last] = u.series[0]!.idxs ?? [0, columns[0]!.length - 1];
    const xs = columns[spec.x] as number[];
    const width = (xs[1] ?? 1) - (xs[0] ?? 0);
    const isUncounted = (x: number) =>
      spec.zones.some(({ kind, from, to }) => kind === 'uncounted' && x >= from && x + width <= to);
    const of = (isTaken: (x: number) => boolean) => {
      const values = spec.series.flatMap(({ column }, index) =>
        hidden.has(index) ? [] : columns[column]!.slice(first, last + 1).filter((_, at) => isTaken(xs[first + at]!)),
      );
      const known = values.filter((value) => value !== null);
      return known.length === 0 ? undefined : ([least(known), -least(known.map((value) => -value))] as const);
    };
    return of((x) => !isUncounted(x)) ?? of(() => true);
  }

  function least(values: readonly number[]): number {
    return values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
  }

  function yRange(drawing: Drawing, isLog: boolean): uPlot.Range.Function {
    const { spec } = drawing;
    return (u) => {
      const shown = extremes(drawing, u);
      if (shown === undefined) {
        return [0, 1];
      }
      const [dataMin, dataMax] = shown;
      // A limit far above everything would flatten the lines: it is named at the edge instead.
      const near = spec.limits.map(({ value }) => value).filter((value) => value <= 2.5 * dataMax);
      const max = Math.max(dataMax, ...near);
      if (isLog) {
        const min = Math.min(dataMin, ...near.filter((value) => value > 0));
        return [Math.max(min, max / 1e7) / 1.25, max * 1.25];
      }
      return [0, max > 0 ? max * 1.08 : 1];
    };
  }

  /** Behind the lines: stretches outside the measured time, and windows that missed a threshold. */
  function drawZones(u: uPlot, { zones }: PlotSpec): void {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const { from, to, kind } of zones) {
      const left = u.valToPos(from, 'x', true);
      const right = Math.max(left + 1, u.valToPos(to, 'x', true));
      ctx.fillStyle = color(inkOf(kind));
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }

  function font(): string {
    return `${12 * uPlot.pxRatio}px system-ui, sans-serif`;
  }

  function inkOf(kind: PlotSpec['zones'][number]['kind']): 'aside' | 'missed' {
    return kind === 'missed' ? 'missed' : 'aside';
  }

  /** Over the lines: the limits of thresholds by their values; the legend has their expressions. */
  function drawLimits(u: uPlot, { limits, kind, unit }: PlotSpec): void {
    const { ctx, bbox } = u;
    const ratio = uPlot.pxRatio;
    const placed: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number }[] =
      [];
    ctx.save();
    ctx.font = font();
    ctx.textAlign = 'left';
    ctx.textBaseline = 'middle';
    for (const { value, at, failed } of limits) {
      const y = u.valToPos(value, 'y', true);
      if (y > bbox.top + bbox.height) {
        continue;
      }
      const isAbove = y < bbox.top;
      const ink = color(failed ? 'red' : 'green');
      ctx.strokeStyle = ink;
      ctx.fillStyle = ink;
      ctx.lineWidth = 1.5 * ratio;
      if (!isAbove) {
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
      }
      if (kind === 'spectrum' && at !== null && !isAbove) {
        ctx.beginPath();
        ctx.arc(u.valToPos(at, 'x', true), y, 4 * ratio, 0, 2 * Math.PI);
        ctx.fill();
      }
      const text = `${isAbove ? '↑ ' : ''}${failed ? '✗' : '✓'} ${`${number(value)} ${unit}`.trim()}`;
      const width = ctx.measureText(text).width + 8 * ratio;
      const isBelow = isAbove || y - bbox.top < 18 * ratio;
      const top = isAbove ? bbox.top + 2 * ratio : isBelow ? y + 2 * ratio : y - 18 * ratio;
      const place = { left: 0, right: 0, top, bottom: top + 16 * ratio };
      // Beside the labels that are there already, away from the end at which the lines are highest.
      for (let taken = 0; ; taken += width + 2 * ratio) {
        place.left = kind === 'spectrum' ? bbox.left + 2 * ratio + taken : bbox.left + bbox.width - width - taken;
        place.right = place.left + width;
        const hit = placed.some(
          ({ left, right, top: otherTop, bottom }) =>
            left < place.right && place.left < right && otherTop < place.bottom && place.top < bottom,
        );
        if (!hit) {
          break;
        }
      }
      if (place.left < bbox.left || place.right > bbox.left + bbox.width) {
        continue;
      }
      placed.push(place);
      ctx.globalAlpha = 0.8;
      ctx.fillStyle = color('card');
      ctx.fillRect(place.left, top, width, 16 * ratio);
      ctx.globalAlpha = 1;
      ctx.fillStyle = ink;
      ctx.fillText(text, place.left + 4 * ratio, top + 8.5 * ratio);
    }
    ctx.restore();
  }

  /** Axes without a line would look like zeros. */
  function drawEmpty(u: uPlot, drawing: Drawing): void {
    if (isEmpty(drawing)) {
      const { ctx, bbox } = u;
      ctx.save();
      ctx.font = font();
      ctx.fillStyle = color('muted');
      ctx.textAlign = 'center';
      ctx.textBaseline = 'middle';
      ctx.fillText('Nothing was measured', bbox.left + bbox.width / 2, bbox.top + bbox.height / 2);
      ctx.restore();
    }
  }

  function isEmpty({ spec, columns }: Drawing): boolean {
    return spec.series.every(({ column }) => columns[column]!.every((value) => value === null));
  }

  function xAxis({ spec }: Drawing): uPlot.Axis {
    const own: uPlot.Axis =
      spec.kind === 'time'
        ? {
            space: 64,
            incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400],
            values: (_u, splits) => splits.map((x) => elapsed(x)),
          }
        : spec.kind === 'spectrum'
          ? {
              splits: (u) => {
                const most = u.scales.x?.max ?? 1;
                const marks = [1, 2, 4, 10, 20, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9].filter((x) => x <= most);
                return marks.filter((x) => u.width > 500 || x === 2 || (x > 1 && Number.isInteger(Math.log10(x))));
              },
              filter: (_u, splits) => splits,
              values: (_u, splits) => splits.map((x) => percentile(x)),
            }
          : { ...numbered((x) => yText(x, 'ms', spec.logX)), space: 70 };
    return { ...look(), size: 30, ...own };
  }

  /** An axis whose lines are those that have a number. */
  function numbered(text: (value: number | null) => string): Pick<uPlot.Axis, 'values' | 'grid'> {
    return {
      values: (_u, splits) => splits.map(text),
      grid: {
        stroke: () => color('grid'),
        width: 1,
        filter: (_u, splits) => splits.map((value) => (text(value) === '' ? null : value)),
      },
    };
  }

  function look(): uPlot.Axis {
    return {
      stroke: () => color('muted'),
      grid: { stroke: () => color('grid'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
      gap: 6,
    };
  }

  function seriesOf({ spec, hidden }: Drawing): uPlot.Series[] {
    return spec.series.map((series, index) => ({
      label: series.label,
      show: !hidden.has(index),
      stroke: () => color(series.color),
      width: series.color === 'gray' ? 1.25 : 1.75,
      dash: [...series.dash],
      ...(series.filled && { fill: () => color(`${series.color}-fill`) }),
      ...(spec.kind === 'bins' && { paths: uPlot.paths.stepped!({ align: 1 }) }),
      points: spec.kind === 'bins' ? { show: false } : { size: 5, fill: () => color('card'), filter: lonePoints },
    }));
  }

  /** Paper is laid out after the plots are asked to be ready for it: A4 and Letter have room for this. */
  const PAPER_PX = 620;
  function widthOf({ host }: Drawing): number {
    return root.classList.contains('paper') ? PAPER_PX : Math.max(200, host.clientWidth);
  }

  function heightOf(drawing: Drawing): number {
    const { spec, host } = drawing;
    const isTall = spec.kind !== 'time' || host.closest('#plot-latency') !== null;
    const isNarrow = widthOf(drawing) < 500;
    return isTall ? (isNarrow ? 250 : 320) : isNarrow ? 170 : 200;
  }

  function options(drawing: Drawing): uPlot.Options {
    const { spec } = drawing;
    const isLog = logY && spec.canLogY;
    const isTime = spec.kind === 'time';
    return {
      width: widthOf(drawing),
      height: heightOf(drawing),
      legend: { show: false },
      padding: [10, 12, 0, 0],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: true },
        points: { size: 7, fill: (_u, index) => color(spec.series[index - 1]!.color) },
        ...(isTime && { sync: { key: 'time', setSeries: false } }),
      },
      scales: {
        x: {
          time: false,
          ...(spec.logX && { distr: 3 as const, log: 10 as const }),
          range: (_u, min, max) =>
            min === null
              ? [0, 1]
              : min === max
                ? [spec.logX ? min / 2 : min - 1, spec.logX ? min * 2 : min + 1]
                : [min, max],
        },
        y: { ...(isLog && { distr: 3 as const, log: 10 as const }), range: yRange(drawing, isLog) },
      },
      axes: [
        xAxis(drawing),
        {
          ...look(),
          ...numbered((y) => (isEmpty(drawing) ? '' : yText(y, spec.unit, isLog))),
          size: 64,
        },
      ],
      series: [{}, ...seriesOf(drawing)],
      hooks: {
        drawAxes: [(u) => drawZones(u, spec)],
        draw: [(u) => drawLimits(u, spec), (u) => drawEmpty(u, drawing)],
        setCursor: [(u) => showValues(drawing, u.cursor.idx ?? null)],
        setScale: [
          (u, key) => {
            if (key === 'x' && isTime) {
              follow(u);
            }
            if (key === 'x') {
              queueMicrotask(offerReset);
            }
          },
        ],
      },
    };
  }

  function draw(drawing: Drawing): uPlot {
    const { spec, columns, host } = drawing;
    const data = [columns[spec.x], ...spec.series.map(({ column }) => columns[column])] as Value[][];
    if (spec.kind === 'bins') {
      data.forEach((values, index) => {
        data[index] = [...values, index === 0 ? whole(drawing)[1] : 0];
      });
    }
    const plot = new uPlot(options(drawing), data as uPlot.AlignedData, host);
    if (spec.kind === 'time') {
      // Left to itself it would show a single second in a hundred.
      const [min, max] = whole(drawing);
      plot.setScale('x', { min, max });
    }
    return plot;
  }

  /** The legend names the lines, shows their values under the cursor, and takes a line out of the plot. */
  function legend(drawing: Drawing): HTMLElement {
    const list = document.createElement('div');
    list.className = 'legend';
    drawing.outputs.push(document.createElement('output'));
    for (const [index, series] of drawing.spec.series.entries()) {
      const button = document.createElement('button');
      const output = document.createElement('output');
      button.type = 'button';
      button.setAttribute('aria-pressed', 'true');
      button.title = `Show or hide ${series.label}`;
      button.append(swatch(series.color, series.dash), ` ${series.label} `, output);
      button.addEventListener('click', () => {
        const isShown = drawing.hidden.delete(index);
        if (!isShown) {
          drawing.hidden.add(index);
        }
        button.setAttribute('aria-pressed', String(isShown));
        drawing.plot.setSeries(index + 1, { show: isShown });
      });
      drawing.outputs.push(output);
      list.append(button);
    }
    for (const { label, failed } of drawing.spec.limits) {
      list.append(named(swatch(failed ? 'red' : 'green', []), `${failed ? '✗' : '✓'} ${label}`));
    }
    for (const [label, kind] of new Map(drawing.spec.zones.map((zone) => [zone.label, zone.kind]))) {
      const mark = document.createElement('i');
      mark.className = `key ink-${inkOf(kind)}`;
      list.append(named(mark, label));
    }
    list.prepend(drawing.outputs[0]!);
    return list;
  }

  function named(mark: Element, name: string): HTMLElement {
    const item = document.createElement('span');
    item.append(mark, name);
    return item;
  }

  function swatch(name: string, dash: readonly number[]): SVGElement {
    const make = (tag: string, attributes: Record<string, string>) => {
      const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
      for (const [key, value] of Object.entries(attributes)) {
        element.setAttribute(key, value);
      }
      return element;
    };
    const svg = make('svg', { width: '28', height: '8', 'aria-hidden': 'true', class: `ink-${name}` });
    svg.append(
      make('line', { x1: '0', x2: '28', y1: '4', y2: '4', 'stroke-width': '2.5', 'stroke-dasharray': dash.join(' ') }),
    );
    return svg;
  }

  function showValues(drawing: Drawing, at: number | null): void {
    const index = at !== null && at < (drawing.columns[0]?.length ?? 0) ? at : null;
    const [ofX, ...ofSeries] = drawing.outputs as [HTMLElement, ...HTMLElement[]];
    ofX.textContent = index === null ? '' : xText(drawing, index);
    for (const [series, output] of ofSeries.entries()) {
      const value = index === null ? undefined : drawing.columns[drawing.spec.series[series]!.column]?.[index];
      output.textContent =
        value === undefined ? '' : value === null ? '-' : `${number(value)} ${drawing.spec.unit}`.trim();
    }
  }

  const timeDrawings = () => drawings.filter(({ spec }) => spec.kind === 'time');
  /** The plots over time are moved together by `zoom`; what their own scales then tell is no new zoom. */
  let isFollowing = false;

  function follow(u: uPlot): void {
    const { min, max } = u.scales.x!;
    if (!isFollowing && min != null && max != null) {
      zoom(min, max);
    }
  }

  function whole({ columns, spec }: Drawing): readonly [number, number] {
    const xs = columns[spec.x] as number[];
    // The last bin ends where another would begin.
    const [first, last] = [xs[0] ?? 0, (spec.kind === 'bins' ? (columns[1] as number[]) : xs).at(-1) ?? 1];
    return first === last ? [first - 1, last + 1] : [first, last];
  }

  function zoom(min: number, max: number): void {
    isFollowing = true;
    for (const { plot } of timeDrawings()) {
      if (plot.scales.x?.min !== min || plot.scales.x?.max !== max) {
        plot.setScale('x', { min, max });
      }
    }
    // The plots settle in microtasks, their hooks included.
    queueMicrotask(() =>
      queueMicrotask(() => {
        isFollowing = false;
      }),
    );
  }

  /** There is something to reset as long as one plot does not show all that it has. */
  function offerReset(): void {
    const reset = toolbar?.querySelector<HTMLButtonElement>('[data-do="reset"]');
    if (reset) {
      reset.disabled = drawings.every((drawing) => {
        const { min, max } = drawing.plot.scales.x!;
        const [first, last] = whole(drawing);
        return min == null || max == null || (min <= first && max >= last);
      });
    }
  }

  function resetAll(): void {
    for (const drawing of drawings) {
      zoomOf(drawing, ...whole(drawing));
    }
  }

  /** Shows `share` of what is shown now, around its middle, and never more than there is. */
  function scaleBy(drawing: Drawing, share: number): void {
    const [first, last] = whole(drawing);
    const { min, max } = drawing.plot.scales.x!;
    const width = Math.min(last - first, Math.max((max! - min!) * share, 2));
    const middle = (min! + max!) / 2;
    const from = Math.min(Math.max(first, middle - width / 2), last - width);
    zoomOf(drawing, from, from + width);
  }

  function zoomOf(drawing: Drawing, min: number, max: number): void {
    if (drawing.spec.kind === 'time') {
      zoom(min, max);
    } else {
      drawing.plot.setScale('x', { min, max });
    }
  }

  function moveCursor(drawing: Drawing, step: number): void {
    const { plot, spec, columns } = drawing;
    const xs = columns[spec.x] as number[];
    const at = plot.cursor.idx ?? plot.valToIdx(plot.scales.x!.min!) - step;
    const index = Math.min(xs.length - 1, Math.max(0, at + step));
    for (const { plot: other } of spec.kind === 'time' ? timeDrawings() : [drawing]) {
      other.setCursor({ left: Math.max(0, other.valToPos(xs[index]!, 'x')), top: 10 });
    }
  }

  function onKey(event: KeyboardEvent, drawing: Drawing): void {
    const far = event.shiftKey ? 10 : 1;
    const isTime = drawing.spec.kind === 'time';
    const acts: Record<string, () => void> = {
      ArrowLeft: () => moveCursor(drawing, -far),
      ArrowRight: () => moveCursor(drawing, far),
      Escape: () => zoomOf(drawing, ...whole(drawing)),
      ...(isTime && {
        '+': () => scaleBy(drawing, 0.5),
        '=': () => scaleBy(drawing, 0.5),
        '-': () => scaleBy(drawing, 2),
      }),
    };
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : acts[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  }

  function redrawAll(): void {
    for (const drawing of drawings) {
      drawing.plot.setSize({ width: widthOf(drawing), height: heightOf(drawing) });
      drawing.plot.redraw(false, true);
    }
  }

  function onTool(button: HTMLButtonElement): void {
    const [first] = timeDrawings();
    if (!first) {
      return;
    }
    const acts: Record<string, () => void> = {
      in: () => scaleBy(first, 0.5),
      out: () => scaleBy(first, 2),
      reset: resetAll,
    };
    acts[button.dataset.do ?? '']?.();
  }

  function setLog(isLog: boolean): void {
    logY = isLog;
    for (const drawing of drawings.filter(({ spec }) => spec.canLogY)) {
      const { min, max } = drawing.plot.scales.x!;
      drawing.plot.destroy();
      drawing.plot = draw(drawing);
      zoomOf(drawing, min!, max!);
    }
  }

  for (const figure of document.querySelectorAll<HTMLElement>('figure.plot')) {
    const host = figure.querySelector<HTMLElement>('.drawing')!;
    const table = figure.querySelector('table')!;
    const spec = JSON.parse(figure.querySelector('script[type="application/json"]')!.textContent!) as PlotSpec;
    const drawing = { spec, host, columns: columnsOf(table), outputs: [], hidden: new Set() } as unknown as Drawing;
    host.before(legend(drawing));
    drawing.plot = draw(drawing);
    drawings.push(drawing);
    host.addEventListener('keydown', (event) => onKey(event, drawing));

    new ResizeObserver(() => {
      if (Math.abs(widthOf(drawing) - drawing.plot.width) > 1) {
        drawing.plot.setSize({ width: widthOf(drawing), height: heightOf(drawing) });
      }
    }).observe(host);
  }
  if (toolbar) {
    toolbar.hidden = false;
    for (const button of toolbar.querySelectorAll('button')) {
      button.addEventListener('click', () => onTool(button));
    }
    toolbar
      .querySelector('input')
      ?.addEventListener('change', ({ target }) => setLog((target as HTMLInputElement).checked));
  }
  scheme.addEventListener('change', redrawAll);
  // Paper is white, and narrow.
  addEventListener('beforeprint', () => {
    root.classList.add('paper');
    redrawAll();
  });
  addEventListener('afterprint', () => {
    root.classList.remove('paper');
    redrawAll();
  });
})();
