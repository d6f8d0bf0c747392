import { FlagProblem, MAX_DURATION_US, nearest } from '../flags.js';
import type { RequestTime } from '../reduce/request-times.js';
import type { CountedMetric, DurationMetric, Population } from '../reduce/threshold-fold.js';
import { formatDuration, parseDurationUs, US_PER_S } from '../units.js';
import type { ThresholdResult, ThresholdUnit } from './threshold-result.js';

export type Operator = ThresholdResult['operator'];
export type MetricName = DurationMetric | CountedMetric;

/** What `over` a time means: windows of that length, and how many of them may violate. */
export interface WindowRule {
  readonly windowUs: number;
  /** Fails when so many windows in a row violate; */
  readonly inARow: number | null;
  /** or when a smaller share than this of the judged windows holds. */
  readonly leastRatio: number | null;
}

/** A threshold as it was written, read. */
export interface Threshold {
  readonly expression: string;
  readonly metric: MetricName;
  readonly endpoint: string | null;
  readonly cache: 'hit' | 'miss' | null;
  /** null for a metric that has none. */
  readonly population: Population | null;
  /** `p(95)`, `avg`, … or `value` for a metric that stands alone. */
  readonly aggregation: string;
  /** Of a percentile, also the median, as a share; null for what is none. */
  readonly p: number | null;
  readonly operator: Operator;
  readonly limit: number;
  readonly unit: ThresholdUnit;
  readonly windows: WindowRule | null;
}

/** A limit on each single request: `latency<200`. */
export interface Slo {
  readonly expression: string;
  readonly metric: RequestTime;
  readonly operator: Operator;
  readonly limitMs: number;
}

/** The language, for the help: 80 columns wide. */
export const THRESHOLD_GRAMMAR = `Thresholds, in the grammar and units of k6 (times in ms, shares from 0 to 1):
  threshold = [ subject ":" ] AGG OP NUMBER [ over ]
            | subject OP NUMBER [ over ]
  subject   = metric [ "{" tag ":" value { "," tag ":" value } "}" ]
  AGG       = "p(" 0..100 ")" | avg | min | max | med | count | rate
  OP        = < | <= | > | >= | == | === | !=
  over      = "over" 10s [ "for" 3 "windows" | "for" 97% "of windows" ]
  metric    = latency (when none is named) | service_time | lag
            | ttft | tpot | ntpot | itl_chunk                    times
            | error_rate | correct_rate | good_rate | achieved   shares
            | goodput | throughput                               ok per second
            | requests | dropped                                 counts
  tag       = endpoint | population (ok, all, all_inf) | cache (hit, miss)
k6's http_req_duration, http_req_failed, http_reqs and dropped_iterations mean
latency, error_rate, requests and dropped. Times take an AGG, the others rate.
A failed or dropped request is infinitely slow (all_inf) unless a population is
named. A percentile of too few (p95 93, p99 473) is inconclusive, exit 4.
for 3 windows: fails when 3 in a row violate; for 97% of windows: when fewer
hold; neither: when any violates. No data fails. Good: what meets every --slo.`;

interface MetricKind {
  /** The unit of each aggregation. */
  readonly units: Readonly<Record<string, ThresholdUnit>>;
  /** The populations that may be named, the default first; none for a metric without. */
  readonly populations: readonly Population[];
  readonly tags: readonly Tag[];
}

type Tag = 'endpoint' | 'population' | 'cache';
const TAGS: readonly Tag[] = ['endpoint', 'population', 'cache'];

/** Percentiles are any `p(…)`; here under one name. */
const PERCENTILE = 'p(95)';
const TIMES = { [PERCENTILE]: 'ms', avg: 'ms', min: 'ms', max: 'ms', med: 'ms', count: 'count' } as const;
const SHARE = { value: 'ratio', rate: 'ratio' } as const;
const PER_SECOND = { value: 'per_s', rate: 'per_s', count: 'count' } as const;
const COUNT = { value: 'count', count: 'count', rate: 'per_s' } as const;

const ofRequests = (populations: readonly Population[]): MetricKind => ({ units: TIMES, populations, tags: TAGS });
const counted = (units: MetricKind['units']): MetricKind => ({ units, populations: [], tags: ['endpoint'] });

/** The metrics, and what each can be asked for. */
const METRICS: Readonly<Record<MetricName, MetricKind>> = {
  latency: ofRequests(['all_inf', 'all', 'ok']),
  service_time: ofRequests(['all_inf', 'all', 'ok']),
  lag: { units: TIMES, populations: [], tags: ['endpoint'] },
  // What failed has no time to its first token: it can be left out, or never end.
  ttft: ofRequests(['all_inf', 'ok']),
  tpot: ofRequests(['all_inf', 'ok']),
  ntpot: ofRequests(['all_inf', 'ok']),
  // Gaps do not know their request.
  itl_chunk: { units: TIMES, populations: ['all_inf', 'ok'], tags: ['population'] },
  error_rate: counted(SHARE),
  correct_rate: counted(SHARE),
  good_rate: counted(SHARE),
  achieved: counted(SHARE),
  goodput: counted(PER_SECOND),
  throughput: counted(PER_SECOND),
  requests: counted(COUNT),
  dropped: counted(COUNT),
};

/** k6's names, where ours means the same or is stricter. */
const ALIASES: Readonly<Record<string, MetricName>> = {
  http_req_duration: 'latency',
  http_req_failed: 'error_rate',
  http_reqs: 'requests',
  dropped_iterations: 'dropped',
};
/** k6's tag for requests that did not fail. */
const EXPECTED_RESPONSE = 'expected_response';

/** Times that `--slo` takes; a request without a time of that kind is not good. */
const SLO_METRICS: readonly RequestTime[] = ['latency', 'service_time', 'ttft', 'tpot', 'ntpot'];

const AGGREGATIONS: readonly string[] = ['avg', 'min', 'max', 'med', 'count', 'rate', 'value'];
const DEFAULT_METRIC: MetricName = 'latency';
const MAX_LENGTH = 200;
const MIN_WINDOW_US = US_PER_S;
/** A row of more windows than a month has seconds. */
const MAX_WINDOWS = 1e6;

/** Reads a threshold. Throws FlagProblem with the place of what is wrong. */
export function parseThreshold(text: string): Threshold {
  const scan = scanner(text);
  const start = scan.at();
  const word = scan.word();
  const isBare = word === undefined || AGGREGATIONS.includes(word) || /^p\d*$/.test(word);
  if (isBare) {
    scan.back(start);
    return rest(scan, { metric: DEFAULT_METRIC, tags: new Map() }, start);
  }
  const metric = metricOf(word, start);
  const tags = scan.take('{') ? readTags(scan, metric) : new Map<Tag, string>();
  return rest(scan, { metric, tags }, start);
}

/** Reads a limit on each request. Throws FlagProblem. */
export function parseSlo(text: string): Slo {
  const scan = scanner(text);
  const start = scan.at();
  const word = scan.word();
  const metric = SLO_METRICS.find((name) => name === (ALIASES[word ?? ''] ?? word));
  if (!metric) {
    const near = word === undefined ? undefined : nearest(word, SLO_METRICS);
    throw new FlagProblem(
      `must be a time of each request and its limit in ms, such as latency<200: the times are ` +
        `${SLO_METRICS.join(', ')}${didYouMean(near)}`,
      start,
    );
  }
  const operatorAt = scan.at();
  const operator = readOperator(scan);
  if (operator === '==' || operator === '!=') {
    throw new FlagProblem('must compare with <, <=, > or >=', operatorAt);
  }
  const limitMs = readLimit(scan, 'ms');
  scan.end('the end');
  return { expression: scan.text, metric, operator, limitMs };
}

interface SubjectRead {
  readonly metric: MetricName;
  readonly tags: ReadonlyMap<Tag, string>;
}

function rest(scan: Scanner, { metric, tags }: SubjectRead, start: number): Threshold {
  const kind = METRICS[metric];
  const isNamed = scan.at() !== start;
  const checkAt = scan.at();
  const hasCheck = !isNamed || scan.take(':');
  if (!hasCheck && kind.units.value === undefined) {
    throw new FlagProblem(`must say which ${metric} is meant: ${metric}: ${PERCENTILE}<200, or avg, max, …`, checkAt);
  }
  if (!hasCheck && !scan.sees(/[<>=!]/)) {
    throw new FlagProblem(`must go on with a comparison, or with ":" and an aggregation`, checkAt);
  }
  const { aggregation, p } = hasCheck ? readAggregation(scan, metric) : { aggregation: 'value', p: null };
  const unit = kind.units[p !== null && aggregation !== 'med' ? PERCENTILE : aggregation] as ThresholdUnit;
  const operator = readOperator(scan);
  const limit = readLimit(scan, unit);
  const windows = readWindows(scan);
  scan.end(windows ? 'the end' : '"over" or the end');
  return {
    expression: scan.text,
    metric,
    endpoint: tags.get('endpoint') ?? null,
    cache: (tags.get('cache') as 'hit' | 'miss' | undefined) ?? null,
    population: (tags.get('population') as Population | undefined) ?? kind.populations[0] ?? null,
    aggregation,
    p,
    operator,
    limit,
    unit,
    windows,
  };
}

function metricOf(word: string, at: number): MetricName {
  const name = ALIASES[word] ?? word;
  if (!Object.hasOwn(METRICS, name)) {
    const near = nearest(word, [...Object.keys(METRICS), ...Object.keys(ALIASES), ...AGGREGATIONS]);
    throw new FlagProblem(
      `must begin with an aggregation or a metric${didYouMean(near)}: the metrics are ${Object.keys(METRICS).join(', ')}`,
      at,
    );
  }
  return name as MetricName;
}

function readTags(scan: Scanner, metric: MetricName): ReadonlyMap<Tag, string> {
  const { tags: known, populations } = METRICS[metric];
  const tags = new Map<Tag, string>();
  do {
    const at = scan.at();
    const word = scan.word();
    const tag = word === EXPECTED_RESPONSE ? 'population' : known.find((name) => name === word);
    if (!tag || (tag === 'population' && populations.length === 0)) {
      const near = word === undefined ? undefined : nearest(word, known);
      throw new FlagProblem(`must have tags that ${metric} has: ${known.join(', ')}${didYouMean(near)}`, at);
    }
    if (tags.has(tag)) {
      throw new FlagProblem(`must have each tag once: ${tag} stands twice`, at);
    }
    scan.want(':', `":" and the ${tag} that is meant`);
    const valueAt = scan.at();
    const value = scan.value();
    if (word === EXPECTED_RESPONSE) {
      if (value !== 'true') {
        throw new FlagProblem('must be {expected_response:true}: population ok', valueAt);
      }
      tags.set(tag, 'ok');
    } else {
      tags.set(tag, readTag(tag, value, { populations, at: valueAt }));
    }
  } while (scan.take(','));
  scan.want('}', '"," and one more tag, or "}"');
  return tags;
}

function readTag(
  tag: Tag,
  value: string,
  { populations, at }: { readonly populations: readonly string[]; readonly at: number },
): string {
  const words = tag === 'population' ? populations : tag === 'cache' ? ['hit', 'miss'] : undefined;
  if (value === '' || (words && !words.includes(value))) {
    const wanted = words ? `one of ${words.join(', ')}` : `the name of an endpoint`;
    throw new FlagProblem(`must have ${wanted} as ${tag}${didYouMean(nearest(value, words ?? []))}`, at);
  }
  return value;
}

function readAggregation(
  scan: Scanner,
  metric: MetricName,
): { readonly aggregation: string; readonly p: number | null } {
  const { units } = METRICS[metric];
  const at = scan.at();
  const word = scan.word();
  if (word === 'p' && units[PERCENTILE]) {
    return readPercentile(scan);
  }
  if (word !== undefined && Object.hasOwn(units, word) && word !== PERCENTILE) {
    return { aggregation: word, p: word === 'med' ? 0.5 : null };
  }
  const known = Object.keys(units).filter((name) => name !== 'value');
  if (word === 'rate' && units[PERCENTILE]) {
    throw new FlagProblem(
      `must not ask for the rate of a time: write error_rate<0.01 for failures, throughput>50 for requests per second`,
      at,
    );
  }
  const percent = /^p_?(\d+(?:\.\d+)?)$/.exec(word ?? '')?.[1];
  const near = percent && units[PERCENTILE] ? `p(${percent})` : word === undefined ? undefined : nearest(word, known);
  throw new FlagProblem(`must have an aggregation of ${metric}: ${known.join(', ')}${didYouMean(near)}`, at);
}

function readPercentile(scan: Scanner): { readonly aggregation: string; readonly p: number } {
  scan.want('(', 'a percentile such as p(95)');
  const at = scan.at();
  const percent = scan.number();
  if (percent === undefined || percent < 0 || percent > 100) {
    throw new FlagProblem('must have a percentile from 0 to 100, such as p(95)', at);
  }
  scan.want(')', '")"');
  // 99.9 / 100 is 0.9990000000000001.
  return { aggregation: `p(${percent})`, p: Number((percent / 100).toPrecision(15)) };
}

function readOperator(scan: Scanner): Operator {
  const at = scan.at();
  const sign = scan.match(/[<>=!]+/);
  const operator = sign === '===' ? '==' : (['<', '<=', '>', '>=', '==', '!='] as const).find((one) => one === sign);
  if (!operator) {
    throw new FlagProblem('must compare with <, <=, >, >=, ==, === or !=', at);
  }
  return operator;
}

function readLimit(scan: Scanner, unit: ThresholdUnit): number {
  const at = scan.at();
  const limit = scan.number();
  if (limit === undefined) {
    throw new FlagProblem('must have a number as its limit', at);
  }
  const [unitAt, attached] = scan.attached();
  if (attached !== '') {
    throw new FlagProblem(`must have a limit without a unit${instead(limit, attached, unit)}`, unitAt);
  }
  if (limit < 0) {
    throw new FlagProblem('must have a limit that is not negative: nothing that is measured is', at);
  }
  if (unit === 'ratio' && limit > 1) {
    throw new FlagProblem('must have a share from 0 to 1 as its limit, such as 0.01 for 1 %', at);
  }
  return limit;
}

/** What a limit with a unit should have been. */
function instead(limit: number, attached: string, unit: ThresholdUnit): string {
  const us = unit === 'ms' ? parseDurationUs(`${limit}${attached}`) : undefined;
  if (us !== undefined) {
    return `, times are in ms: ${us / 1000}`;
  }
  return unit === 'ratio' && attached === '%'
    ? `, shares go from 0 to 1: ${Number((limit / 100).toPrecision(12))}`
    : '';
}

function readWindows(scan: Scanner): WindowRule | null {
  if (!scan.keyword('over')) {
    return null;
  }
  const at = scan.at();
  const windowUs = parseDurationUs(scan.match(/\S+/) ?? '');
  if (windowUs === undefined || windowUs < MIN_WINDOW_US || windowUs > MAX_DURATION_US) {
    throw new FlagProblem(`must have windows of at least ${formatDuration(MIN_WINDOW_US)}, such as "over 10s"`, at);
  }
  if (!scan.keyword('for')) {
    return { windowUs, inARow: 1, leastRatio: null };
  }
  const countAt = scan.at();
  const count = scan.number();
  const isShare = scan.take('%');
  const wanted = 'must go on with "for 3 windows" or "for 97% of windows"';
  if (count === undefined || (isShare ? !(count > 0 && count <= 100) : !isWholeCount(count))) {
    throw new FlagProblem(wanted, countAt);
  }
  const wordsAt = scan.at();
  if ((isShare && !scan.keyword('of')) || !(scan.keyword('windows') || scan.keyword('window'))) {
    throw new FlagProblem(wanted, wordsAt);
  }
  return isShare
    ? { windowUs, inARow: null, leastRatio: Number((count / 100).toPrecision(15)) }
    : { windowUs, inARow: count, leastRatio: null };
}

function isWholeCount(count: number): boolean {
  return Number.isInteger(count) && count >= 1 && count <= MAX_WINDOWS;
}

function didYouMean(near: string | undefined): string {
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

type Scanner = ReturnType<typeof scanner>;

/** Goes through a text; every step skips spaces first, and `at` is where the next thing begins. */
function scanner(given: string) {
  const text = given.replace(/\s/g, ' ').trim();
  const before = given.length - given.trimStart().length;
  let at = 0;

  function skip(): void {
    while (text[at] === ' ') {
      at++;
    }
  }

  function match(pattern: RegExp): string | undefined {
    skip();
    return matchHere(pattern);
  }

  function matchHere(pattern: RegExp): string | undefined {
    const sticky = new RegExp(pattern, 'y');
    sticky.lastIndex = at;
    const found = sticky.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  }

  const scan = {
    /** What is read, spaces around it gone. */
    text,
    /** In the text as given. */
    at(): number {
      skip();
      return before + at;
    },
    back(to: number): void {
      at = to - before;
    },
    match,
    sees(pattern: RegExp): boolean {
      skip();
      return pattern.test(text[at] ?? '');
    },
    word: () => match(/[A-Za-z_]\w*/),
    number(): number | undefined {
      const digits = match(/[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/);
      return digits === undefined ? undefined : Number(digits);
    },
    /** What stands here without a space before it, and its place. */
    attached: (): readonly [at: number, text: string] => [before + at, matchHere(/\S*/) ?? ''],
    take(sign: string): boolean {
      skip();
      const found = text.startsWith(sign, at);
      at += found ? sign.length : 0;
      return found;
    },
    want(sign: string, what: string): void {
      const here = scan.at();
      if (!scan.take(sign)) {
        throw new FlagProblem(`must go on with ${what}`, here);
      }
    },
    keyword(word: string): boolean {
      return match(new RegExp(`${word}\\b`)) !== undefined;
    },
    /** A tag's value: up to a comma or brace, or in quotes. */
    value(): string {
      const quoted = match(/"[^"]*"|'[^']*'/);
      return quoted === undefined ? (match(/[^,}]*/) ?? '').trimEnd() : quoted.slice(1, -1);
    },
    end(wanted: string): void {
      const here = scan.at();
      if (at < text.length) {
        throw new FlagProblem(`must go on with ${wanted}`, here);
      }
    },
  };

  const control = [...text].findIndex((character) => character < ' ' || character === '\x7f');
  if (text === '' || text.length > MAX_LENGTH || control >= 0) {
    throw new FlagProblem(`must be text of at most ${MAX_LENGTH} printable characters`, before + Math.max(0, control));
  }
  return scan;
}
