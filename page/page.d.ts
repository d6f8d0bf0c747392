/** A script or a style sheet that stands in a page, and how the page's content security policy names it: `'sha256-…'`. */
export interface Embedded {
  readonly text: string;
  readonly hash: string;
}

/** The code and the styles of the HTML pages; `page/embed.mjs` makes them. */
export declare const PAGE: {
  /** The plotting library and the script of `report.html`, with their notices. */
  readonly script: Embedded;
  /** What all pages have, and what only this one has. */
  readonly reportStyle: Embedded;
  readonly comparisonStyle: Embedded;
};

/** How a plot draws the columns of its table: what `report.html` tells the script of the page. */
export interface PlotSpec {
  /** `time`: x is seconds of the run, shared by all of them; `spectrum`: 1 / (1 − p); `bins`: lower edges of a histogram. */
  readonly kind: 'time' | 'spectrum' | 'bins';
  /** Of the y axis, as shown at its numbers and in the legend. */
  readonly unit: string;
  /** Which column of the table is x, and which are lines. */
  readonly x: number;
  readonly series: readonly PlotSeries[];
  /** Limits of thresholds: lines across the plot. */
  readonly limits: readonly PlotLimit[];
  /** Stretches of x that are told apart. */
  readonly zones: readonly PlotZone[];
  /** x of the bins is on a logarithmic axis. */
  readonly logX: boolean;
  /** A logarithmic y axis can be asked for. */
  readonly canLogY: boolean;
}

export interface PlotSeries {
  readonly label: string;
  readonly column: number;
  /** A colour of the palette: a custom property of the style sheet without its dashes. */
  readonly color: 'blue' | 'green' | 'orange' | 'magenta' | 'purple' | 'gray' | 'red';
  /** Lengths of strokes and gaps in px; empty for a whole line. */
  readonly dash: readonly number[];
  readonly filled: boolean;
}

export interface PlotLimit {
  readonly label: string;
  /** In the unit of the plot. */
  readonly value: number;
  /** In a spectrum the place of the percentile on x; null for one without a place. */
  readonly at: number | null;
  readonly failed: boolean;
}

export interface PlotZone {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  /**
   * `uncounted`: in no figure, and no measure of the y axis; `aside`: after the end of the load; `missed`: a threshold
   * was not kept.
   */
  readonly kind: 'uncounted' | 'aside' | 'missed';
}
