import type { AllInfDistribution, Distribution } from '../reduce/distribution.js';
import { formatBytes, formatMs, formatPercent, groupDigits } from '../units.js';
import type { ThresholdResult, ThresholdUnit } from '../verdicts/threshold-result.js';
import type { Status } from '../verdicts/validity.js';
import { html, type Markup, NOTHING } from './html-text.js';
import type { Report } from './report.js';
import type { HostFacts, Results } from './results.js';

const STATUS_SIGNS = { VALID: '✓', SUSPECT: '!', INVALID: '✗', INCONCLUSIVE: '?' } as const satisfies Record<
  Status,
  string
>;
const STATUS_SENTENCES = {
  VALID: 'The measurement kept its own rules: the figures describe the target under this load.',
  SUSPECT: 'True as recorded; read it with the care named here.',
  INVALID: 'The figures do not describe the target under the planned load.',
  INCONCLUSIVE: 'There is too little evidence for a claim.',
} as const satisfies Record<Status, string>;

const THRESHOLD_WORDS = {
  pass: ['✓', 'passed'],
  fail: ['✗', 'failed'],
  no_data: ['✗', 'no data'],
  inconclusive: ['?', 'inconclusive'],
} as const;

/** Whether the figures can be trusted, and what was doubted. */
export function verdictSection({ verdict }: Report): Markup {
  const { status, reasons } = verdict;
  return html`<section class="verdict ${status.toLowerCase()}" aria-labelledby="verdict">
<h2 id="verdict"><span class="sign" aria-hidden="true">${STATUS_SIGNS[status]}</span> ${status}</h2>
<p>${STATUS_SENTENCES[status]}</p>
${
  reasons.length === 0
    ? NOTHING
    : html`<ol>${reasons.map(
        ({ code, status: own, message, advice, seconds_n }) =>
          html`<li><p><strong>${capital(message)}.</strong> <span class="tag">${own.toLowerCase()} · ${code}${seconds_n === null ? '' : ` · in ${counted(seconds_n, 'second')}`}</span></p><p>To do: ${advice}.</p>`,
      )}</ol>`
}
</section>`;
}

export function thresholdsSection({ thresholds }: Report): Markup {
  if (thresholds.length === 0) {
    return html`<section aria-labelledby="thresholds"><h2 id="thresholds">Thresholds</h2>
<p class="note">None were set: this run says what was measured, not whether that is good enough. Set them with --threshold.</p></section>`;
  }
  const failed = thresholds.filter(({ pass }) => !pass).length;
  const all = thresholds.length;
  const outcome = failed > 0 ? `${failed} of ${all} not passed` : all === 1 ? 'passed' : `all ${all} passed`;
  return html`<section aria-labelledby="thresholds">
<h2 id="thresholds">Thresholds <span class="count">${outcome}</span></h2>
${scrolling(
  'Thresholds',
  html`<table class="stack"><thead><tr><th scope="col">result<th scope="col">threshold<th scope="col" class="n">found<th scope="col" class="n">n<th scope="col">in words</thead>
<tbody>${thresholds.map(thresholdRow)}</tbody></table>`,
)}</section>`;
}

function thresholdRow(result: ThresholdResult): Markup {
  const [sign, word] = THRESHOLD_WORDS[result.state];
  return html`<tr class="${result.state}"><td class="state"><span aria-hidden="true">${sign}</span> ${word}<th class="whole" scope="row"><code>${result.expression}</code><td class="n" data-label="found">${found(result)}<td class="n" data-label="n">${groupDigits(result.n)}<td class="text whole">${result.message}`;
}

function found({ value, infinite, unit }: ThresholdResult): string {
  return infinite ? '∞' : value === null ? '-' : inUnit(value, unit);
}

function inUnit(value: number, unit: ThresholdUnit): string {
  switch (unit) {
    case 'ms':
      return `${formatMs(value)} ms`;
    case 'ratio':
      return formatPercent(value);
    case 'per_s':
      return `${decimal(value)}/s`;
    case 'count':
      return groupDigits(value);
  }
}

/** Latency and service time side by side, the population and the errors on the same line. */
export function figuresSection(report: Report): Markup {
  const {
    rates,
    counts,
    latency,
    service_time: service,
    lag,
    latency_all_inf: allInf,
    time_to_failure: failing,
    client_pauses: pauses,
    run,
  } = report;
  const errors = formatPercent(rates.error_ratio);
  const tile = (
    label: string,
    ms: number | null | undefined,
    serviceMs: number | null | undefined,
    n: number,
    least: number,
  ) =>
    html`<div class="tile"><dt>${label}<dd>${n > 0 ? html`<b>${formatMs(ms)}</b> ms${n < least ? STAR : NOTHING}<small>service ${formatMs(serviceMs)} ms</small>` : html`<b>-</b><small>nothing succeeded</small>`}</div>`;
  return html`<section aria-labelledby="figures">
<h2 id="figures">Key figures</h2>
<dl class="tiles">
${tile('latency p50', latency.p50_ms, service.p50_ms, latency.n, 10)}
${tile('latency p95', latency.p95_ms, service.p95_ms, latency.n, 100)}
${tile('latency p99', latency.p99_ms, service.p99_ms, latency.n, 500)}
<div class="tile"><dt>succeeded<dd><b>${decimal(rates.ok_per_s)}</b> /s<small>${groupDigits(counts.ok)} of ${groupDigits(counts.sent)} sent</small></div>
<div class="tile${rates.error_ratio ? ' bad' : ''}"><dt>errors<dd><b>${errors}</b><small>${groupDigits(counts.failed)} failed, ${groupDigits(counts.abandoned)} abandoned</small></div>
</dl>
${scrolling(
  'Durations',
  html`<table class="numbers">${durationHead('ms')}<tbody>
${durationRow('latency', latency, errors)}
${run.batch > 1 ? durationRow('latency per item', report.latency_per_item, errors) : NOTHING}
${durationRow('service time', service, errors)}
${pauses ? durationRow('latency, untouched by pauses', pauses.latency_without, '') : NOTHING}
${intervalRow(report)}
${allInf.infinite_n > 0 ? durationRow('latency, failures as never answered', allInf, errors) : NOTHING}
${run.model === 'open' ? durationRow('lag', lag, '') : NOTHING}
${failing.n > 0 ? durationRow('until failure', failing, '') : NOTHING}
</tbody></table>`,
)}
<p class="note">Latency: end − intended start. Service time: end − start.${run.model === 'open' ? ' Lag: start − intended start.' : ''} Population: requests that succeeded${run.warmup_s > 0 ? ', without the warm-up' : ''}; the errors stand beside them.
${STAR} too few requests for this percentile: fewer than 5 / (1 − p).${missing(report)}${
    pauses
      ? ` This program stood still for more than 5 ms while ${groupDigits(pauses.touched_n)} of them were in flight.`
      : ''
  }</p>
${ratesTable(report)}
</section>`;
}

const STAR = html`<span class="star" title="too few requests for this percentile">*</span>`;

const CELLS = [
  ['p50_ms', 0.5],
  ['p90_ms', 0.9],
  ['p95_ms', 0.95],
  ['p99_ms', 0.99],
  ['p99.9_ms', 0.999],
] as const;

function durationHead(unit: string): Markup {
  const heads = ['n', 'errors', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'];
  return html`<thead><tr><th scope="col">${unit}${heads.map((head) => html`<th scope="col">${head}`)}</thead>`;
}

function durationRow(name: string, of: Distribution | AllInfDistribution, errors: string): Markup {
  const { mean_ms, max_ms } = 'mean_ms' in of ? (of as Distribution) : { mean_ms: undefined, max_ms: undefined };
  const infinite: Readonly<Record<string, true>> = 'infinite' in of ? (of as AllInfDistribution).infinite : {};
  const ends = 'infinite_n' in of ? '∞' : undefined;
  return html`<tr><th scope="row">${name}<td>${groupDigits(of.n)}<td>${errors}<td>${ends ?? formatMs(mean_ms)}${CELLS.map(
    ([field, p]) =>
      html`<td>${infinite[field] ? '∞' : formatMs(of[field])}${of.n > 0 && of.n * (1 - p) < 5 - 1e-9 ? STAR : NOTHING}`,
  )}<td>${ends ?? formatMs(max_ms)}`;
}

/** Where each percentile lies, as far as so many requests can tell. */
function intervalRow({ confidence, latency }: Report): Markup {
  if (latency.n === 0) {
    return NOTHING;
  }
  const ratio = confidence[0]?.confidence_ratio ?? 0;
  const cells = CELLS.map(([field]) => confidence.find(({ percentile }) => `${percentile}_ms` === field));
  return html`<tr class="interval"><th scope="row">latency, ${Math.round(ratio * 100)} % interval<td>${groupDigits(latency.n)}<td><td>${cells.map(
    (of) =>
      html`<td>${of && of.low_ms !== null && of.high_ms !== null ? `${formatMs(of.low_ms)}–${formatMs(of.high_ms)}` : '-'}`,
  )}<td>`;
}

/** The first percentile that the requests say nothing of, and how many it needs. */
function missing({ confidence, latency }: Report): string {
  const short = confidence.find(({ missing_n }) => missing_n > 0);
  return short && latency.n > 0
    ? ` ${short.percentile} needs ${groupDigits(short.needed_n)} requests at ${Math.round(short.confidence_ratio * 100)} % confidence: ${groupDigits(short.missing_n)} more.`
    : '';
}

function ratesTable({ rates, counts, run, bytes, connections, calibration, repeats, little }: Report): Markup {
  const facts: Facts = [
    ['measured window', `${decimal(rates.window_s)} s`],
    ...(run.model === 'open' ? [['scheduled', `${decimal(rates.offered_per_s)}/s`] as const] : []),
    ['sent', `${decimal(rates.sent_per_s)}/s`],
    ['completed', `${decimal(rates.completed_per_s)}/s`],
    ['succeeded', `${decimal(rates.ok_per_s)}/s`],
    ...(run.batch > 1 ? [['items succeeded', `${decimal(rates.ok_items_per_s)}/s`] as const] : []),
    ['in flight, mean', rates.in_flight_mean.toFixed(2)],
    ['planned', groupDigits(counts.planned)],
    ['dropped', groupDigits(counts.dropped)],
    ['not sent', groupDigits(counts.not_sent)],
    ...(counts.warmup > 0 ? [['in the warm-up', groupDigits(counts.warmup)] as const] : []),
    ['bodies out', formatBytes(bytes.out_bytes)],
    ['bodies in', formatBytes(bytes.in_bytes)],
    ['connections', `${groupDigits(connections.fresh)} new, ${groupDigits(connections.reused)} reused`],
    ['repeated payloads', formatPercent(repeats.repeated_ratio)],
    ...(little
      ? [
          [
            "Little's law",
            `${little.in_system_mean.toFixed(2)} ${little.of === 'users' ? 'users' : 'in flight'}, ${little.expected_mean.toFixed(2)} expected`,
          ] as const,
        ]
      : []),
    ...(calibration?.headroom_ratio ? [['headroom', `${calibration.headroom_ratio.toFixed(1)} ×`] as const] : []),
  ];
  return factList(facts);
}

/** Failures by cause, with what the other side or the library said. */
export function failuresSection({ failures, counts }: Report): Markup {
  const title = html`<h2 id="causes">Failures by cause</h2>`;
  return html`<section aria-labelledby="causes">${title}
${
  failures.length === 0
    ? html`<p class="note">${counts.sent === 0 ? 'No request was sent.' : 'None: every request that was sent succeeded.'}</p>`
    : scrolling(
        'Failures by cause',
        html`<table class="stack"><thead><tr><th scope="col">cause<th scope="col" class="n">n<th scope="col">origin<th scope="col">for example</thead>
<tbody>${failures.map(
          ({ outcome, origin, count, example }) =>
            html`<tr><th scope="row"><code>${outcome}</code><td class="n" data-label="n">${groupDigits(count)}<td data-label="origin">${origin ?? '-'}<td class="text whole">${example ?? '-'}`,
        )}</tbody></table>`,
      )
}
</section>`;
}

/** The run by endpoint and by what the server's cache did; nothing where there is only one part. */
export function partsSection({ endpoints, cache }: Report): Markup {
  if (endpoints.length === 0 && !cache) {
    return NOTHING;
  }
  const rows = [
    ...endpoints.flatMap(({ endpoint, latency, service_time, error_ratio }) => [
      durationRow(`${endpoint}, latency`, latency, formatPercent(error_ratio)),
      durationRow(`${endpoint}, service time`, service_time, formatPercent(error_ratio)),
    ]),
    ...(cache
      ? (['hit', 'miss'] as const).flatMap((part) => [
          durationRow(`cache ${part}, latency`, cache[part].latency, ''),
          durationRow(`cache ${part}, service time`, cache[part].service_time, ''),
        ])
      : []),
  ];
  const title = [endpoints.length > 0 ? 'By endpoint' : '', cache ? 'By cache' : ''].filter(Boolean).join(', ');
  return html`<section aria-labelledby="parts"><h2 id="parts">${capital(title.toLowerCase())}</h2>
${scrolling(title, html`<table class="numbers">${durationHead('ms')}<tbody>${rows}</tbody></table>`)}
${
  cache
    ? html`<p class="note">${formatPercent(cache.hit_ratio)} of the answers that told of a cache came from it: ${groupDigits(cache.hit.n)} of ${groupDigits(cache.hit.n + cache.miss.n)}.</p>`
    : NOTHING
}
</section>`;
}

export function tokensSection({ tokens }: Report): Markup {
  if (!tokens) {
    return NOTHING;
  }
  const { ttft, ttft_service, itl_chunk, tpot, ntpot, per_request, counted_n } = tokens;
  const rows = (
    [
      ['TTFT', ttft],
      ['TTFT from the start', ttft_service],
      ['gaps between chunks', itl_chunk],
      ['TPOT', tpot],
      ['NTPOT', ntpot],
    ] as const
  ).filter(([, { n }]) => n > 0);
  return html`<section aria-labelledby="tokens"><h2 id="tokens">Tokens</h2>
${
  rows.length === 0
    ? NOTHING
    : scrolling(
        'Tokens',
        html`<table class="numbers">${durationHead('ms')}<tbody>${rows.map(([name, of]) => durationRow(name, of, ''))}</tbody></table>`,
      )
}
${factList([
  ['tokens out', counted_n === 0 ? 'not counted by the server' : groupDigits(tokens.tokens_out_n)],
  ['tokens out per second', counted_n === 0 ? '-' : decimal(tokens.tokens_out_per_s)],
  ['per request, mean', per_request.mean_per_s === null ? '-' : `${decimal(per_request.mean_per_s)}/s`],
  ['per chunk, mean', tokens.tokens_per_chunk_mean === null ? '-' : tokens.tokens_per_chunk_mean.toFixed(2)],
  ['streams', groupDigits(tokens.streams_n)],
  ['came all at once', groupDigits(tokens.buffered_n)],
])}</section>`;
}

/** One part of a mean, in ms. */
interface Phase {
  readonly name: string;
  readonly ms: number;
  /** Of the palette, as in the plots. */
  readonly color: 'orange' | 'gray' | 'green' | 'blue' | 'purple' | 'magenta';
}

/**
 * Of the mean latency, what was spent before the request left and after; and of that what the server's own statistics
 * tell. Lag and service time are of the same requests, so they add up; the server's means are of what it counted.
 */
export function phasesSection(report: Report): Markup {
  const { run, latency, service_time: service, server_side: server } = report;
  if (latency.mean_ms === null || service.mean_ms === null || (run.model === 'closed' && !server)) {
    return NOTHING;
  }
  const waited: Phase = { name: 'waiting to be sent', ms: latency.mean_ms - service.mean_ms, color: 'orange' };
  const phases: readonly Phase[] = server
    ? [
        waited,
        { name: "server's queue", ms: server.queue_mean_ms ?? 0, color: 'magenta' },
        { name: 'its input', ms: server.compute_input_mean_ms ?? 0, color: 'green' },
        { name: 'its inference', ms: server.compute_infer_mean_ms ?? 0, color: 'blue' },
        { name: 'its output', ms: server.compute_output_mean_ms ?? 0, color: 'purple' },
        { name: 'its cache', ms: server.cache_mean_ms ?? 0, color: 'green' },
        { name: 'network and what it does not count', ms: server.rest_mean_ms ?? 0, color: 'gray' },
      ]
    : [waited, { name: 'at the target and on the way', ms: service.mean_ms, color: 'blue' }];
  const shown = phases.filter(({ ms }) => ms > 0);
  const wholeMs = shown.reduce((sum, { ms }) => sum + ms, 0);
  let x = 0;
  const bars = shown.map(({ ms, color }) => {
    const width = wholeMs === 0 ? 0 : (100 * ms) / wholeMs;
    const bar = html`<rect class="fill-${color}" x="${x.toFixed(2)}" y="0" width="${width.toFixed(2)}" height="6"></rect>`;
    x += width;
    return bar;
  });
  const batch =
    server && server.batch_mean !== null
      ? ` The server put ${server.batch_mean.toFixed(2)} items into one execution, on the mean.`
      : '';
  return html`<section aria-labelledby="phases"><h2 id="phases">Where the time went</h2>
<svg class="phases" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-labelledby="phases" aria-describedby="phases-list">
${bars}</svg>
<ul class="keys" id="phases-list">${shown.map(
    ({ name, ms, color }) =>
      html`<li><span class="key ink-${color}"></span> ${name} <b>${formatMs(ms)} ms</b> (${formatPercent(wholeMs === 0 ? null : ms / wholeMs)})`,
  )}</ul>
<p class="note">Means; that of latency is ${formatMs(latency.mean_ms)} ms.${batch}</p></section>`;
}

/** What was run, with what, and how the figures are defined. */
export function manifestSection({ report, host }: Results): Markup {
  const { run, generator, definitions, notes, percentile_method: method, version } = report;
  return html`<section aria-labelledby="manifest"><h2 id="manifest">Manifest</h2>
${lines([
  ['started', run.started_at],
  ['target', `${run.url}${run.embedded_server ? ' (embedded server)' : ''}`],
  ['protocol', run.protocol],
  ['endpoint', run.endpoint],
  ['pattern', `${run.pattern}, ${run.model} model`],
  ['load', `up to ${level(report)} for ${run.duration_s} s`],
  ...(run.warmup_s > 0 ? [['warm-up', `${run.warmup_s} s`] as const] : []),
  ...(run.spacing === null ? [] : [['spacing', run.spacing] as const]),
  ...(run.pacing === null ? [] : [['pacing', run.pacing] as const]),
  ...(run.think_time_ms === null ? [] : [['think time', `${run.think_time_ms} ms`] as const]),
  ['timeout', `${groupDigits(run.timeout_ms)} ms`],
  ['connections', `up to ${groupDigits(run.connections)}${run.insecure ? ', certificate not verified' : ''}`],
  ['workers', String(run.workers)],
  ['batch', String(run.batch)],
  ['seed', String(run.seed)],
  ['check', run.check],
  [
    'dataset',
    `${run.dataset}, ${run.data_order} order${run.repeat_rate_ratio === null ? '' : `, ${formatPercent(run.repeat_rate_ratio)} repeats asked`}`,
  ],
  [
    'payloads',
    `${groupDigits(run.payloads)} distinct, ${formatBytes(run.payload_bytes)}, encoded in ${formatMs(run.payload_encode_ms)} ms`,
  ],
  ['generator', generatorFacts(generator)],
  ...hostFacts(host),
  ['infer-bench', version],
  ['percentiles', `${method.method}, ${method.digits} digits, ${method.unit.replace('us', 'µs')}`],
  ['run directory', run.directory],
  ['files', run.files.join(' ')],
])}
${notes.map((note) => html`<p class="note">${note}</p>`)}
<details><summary>Definitions</summary>${lines(Object.entries(definitions).map(([name, text]) => [name.replaceAll('_', ' '), text] as const))}</details>
</section>`;
}

/** The machine that sent: what is compared with this run should come from one like it. */
function hostFacts(host: HostFacts | null): Facts {
  if (!host) {
    return [];
  }
  const { cpus, cpu_model: model, cores_available: usable = cpus, memory_bytes, arch, platform, kernel, node } = host;
  return [
    [
      'machine',
      `${cpus} × ${model ?? 'unknown processor'}, ${arch}${usable < cpus ? `, ${usable} of them usable` : ''}`,
    ],
    ['memory', formatBytes(memory_bytes)],
    ['system', kernel ?? platform],
    ['Node.js', node],
  ];
}

function generatorFacts(of: Report['generator']): string {
  return [
    `CPU ${of.cpu_ratio === null ? '-' : of.cpu_ratio.toFixed(2)} of a core`,
    `loop up to ${formatMs(of.loop_delay_p99_ms)} ms late (p99 of the worst second)`,
    `${Math.round(of.gc_ms)} ms in garbage collection`,
    `${groupDigits(of.handshakes_n)} connections made after the start`,
  ].join(', ');
}

/** The most that the pattern asked for. */
export function level({ run }: Report): string {
  if (run.model === 'open') {
    const { rate_max_per_s: rate } = run;
    return `${rate === null ? '-' : decimal(rate)} ${rate === 1 ? 'request' : 'requests'}/s`;
  }
  return `${run.users_max ?? '-'} ${run.users_max === 1 ? 'user' : 'users'}`;
}

type Facts = readonly (readonly [string, string])[];

/** Short values, as many beside each other as have room. */
function factList(facts: Facts): Markup {
  return html`<dl class="facts">${rows(facts)}</dl>`;
}

/** Values that may be long: one under the other on a phone. */
function lines(facts: Facts): Markup {
  return html`<dl class="facts lines">${rows(facts)}</dl>`;
}

function rows(facts: Facts): readonly Markup[] {
  return facts.map(([name, value]) => html`<div><dt>${name}<dd>${value}</div>`);
}

/** What may be wider than a phone scrolls by itself, by keyboard too. */
export function scrolling(label: string, table: Markup): Markup {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${label}">${table}</div>`;
}

function decimal(value: number): string {
  return value >= 1000 ? groupDigits(Math.round(value)) : String(Number(value.toFixed(1)));
}

function counted(count: number, thing: string): string {
  return `${groupDigits(count)} ${thing}${count === 1 ? '' : 's'}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
