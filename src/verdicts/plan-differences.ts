/** A field in which two plans differ, with both values as JSON; undefined where a plan does not have it. */
export interface PlanDifference {
  readonly field: string;
  readonly base: string | undefined;
  readonly head: string | undefined;
}

type Tree = Readonly<Record<string, unknown>>;

/** Settings that say where a run went, what it wrote and how it was judged, and nothing of what it measured. */
const NOT_COMPARED: ReadonlySet<string> = new Set([
  'out',
  'force',
  'file',
  'report',
  'truth_log',
  'otlp',
  'metrics_port',
  'wait_ready_us',
  'threshold',
  'slo',
  'min_samples',
  'no_data',
  'abort',
  'abort_after_us',
  'fail_on_error',
  'require_valid',
  'max_local_errors',
  'max_cache_hit_rate',
]);

/** What follows from the settings: compared only where these are equal, since it differs with them. */
const FOLLOWS: readonly string[] = ['dataset.items', 'payloads', 'schedule', 'connections', 'workers'];
/** Figures of the making, not of the plan. */
const MEASURED: ReadonlySet<string> = new Set(['payloads.encode_ms']);

/**
 * What two `plan.json` ask for differently: the version of the program, settings, names of headers, the dataset; and what
 * follows from them where they are the same, such as the size of the payloads when a dataset's file has changed. Where a
 * run went, when, and on which machine is not asked: two servers may be compared. `vary`: settings (`batch-size`) that
 * are meant to differ, with those that only their values have.
 */
export function planDifferences(base: Tree, head: Tree, vary: readonly string[] = []): readonly PlanDifference[] {
  const varied = new Set(vary.map(fieldOf));
  const asked = differences(askedOf(base), askedOf(head)).filter(({ field }) => !isVaried(field, varied));
  const wanted = differences(askedOf(base), askedOf(head)).filter(({ field }) => isVaried(field, varied));
  // A protocol or pattern brings settings of its own, which the other side does not have.
  const ownSettings = wanted.length > 0 && (varied.has('protocol') || varied.has('pattern'));
  const left = ownSettings
    ? asked.filter((one) => one.base !== undefined && one.head !== undefined && one.field !== 'dataset')
    : asked;
  return left.length + wanted.length > 0 ? left : differences(followsOf(base), followsOf(head));
}

/** Facts of the machines on which two runs were made that differ: no reason to refuse, but one to name. */
export function hostDifferences(base: Tree, head: Tree): readonly PlanDifference[] {
  return differences(flat(base.host, ''), flat(head.host, ''));
}

/** The names of `vary` that are no setting of either plan: typing errors. */
export function unknownSettings(base: Tree, head: Tree, vary: readonly string[]): readonly string[] {
  const fields = [...askedOf(base).keys(), ...askedOf(head).keys()];
  return vary.filter((name) => !fields.some((field) => isVaried(field, new Set([fieldOf(name)]))));
}

/** The name of a flag as the plan has it, whatever its unit. */
function fieldOf(flag: string): string {
  return flag.replace(/^--/, '').replaceAll('-', '_');
}

function isVaried(field: string, varied: ReadonlySet<string>): boolean {
  return varied.has(field.replace(/_(us|per_s)$/, '')) || varied.has(field);
}

function askedOf(plan: Tree): ReadonlyMap<string, string> {
  const settings = [...flat(plan.settings, '')].filter(([field]) => !NOT_COMPARED.has(field.split('.')[0] as string));
  const dataset = (plan.dataset as Tree | undefined)?.name;
  return new Map([
    ['version', JSON.stringify(plan.version)],
    ...settings,
    ['header_names', JSON.stringify(plan.header_names)],
    ['dataset', JSON.stringify(dataset)],
  ]);
}

function followsOf(plan: Tree): ReadonlyMap<string, string> {
  return new Map(
    [...flat(plan, '')].filter(
      ([field]) => FOLLOWS.some((name) => field === name || field.startsWith(`${name}.`)) && !MEASURED.has(field),
    ),
  );
}

/** Every leaf of a tree by its path; lists are leaves. */
function flat(value: unknown, path: string): ReadonlyMap<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return value === undefined ? new Map() : new Map([[path, JSON.stringify(value)]]);
  }
  return new Map(
    Object.entries(value).flatMap(([name, inner]) => [...flat(inner, path === '' ? name : `${path}.${name}`)]),
  );
}

function differences(base: ReadonlyMap<string, string>, head: ReadonlyMap<string, string>): readonly PlanDifference[] {
  return [...new Set([...base.keys(), ...head.keys()])]
    .filter((field) => base.get(field) !== head.get(field))
    .map((field) => ({ field, base: base.get(field), head: head.get(field) }));
}
