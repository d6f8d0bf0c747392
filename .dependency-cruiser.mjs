/**
 * Who may import whom: the layer table of ARCHITECTURE.md as rules. A folder may use those of its own layer's list and
 * nothing else; `types` are folders of which it may use the types alone.
 */
const BASE = 'src/(errors|units|clock|random|io|flags|text|version|half)\\.ts$';

const LAYERS = {
  patterns: { may: [], types: [] },
  datasets: { may: [], types: [] },
  samples: { may: [], types: [] },
  protocols: { may: [], types: ['datasets', 'samples'] },
  schedule: { may: ['patterns'], types: [] },
  transports: { may: [], types: ['protocols', 'samples'] },
  reduce: { may: ['samples'], types: [] },
  engine: { may: ['samples', 'schedule'], types: ['protocols', 'transports', 'datasets'] },
  verdicts: { may: ['reduce', 'samples'], types: [] },
  reports: { may: ['reduce', 'samples'], types: ['verdicts'] },
  server: { may: [], types: [] },
  spec: {
    may: ['patterns', 'datasets', 'protocols', 'samples', 'schedule', 'transports', 'verdicts'],
    types: ['reduce', 'engine', 'reports'],
  },
};

const folder = (name) => `^src/${name}/`;

const layerRules = Object.entries(LAYERS).flatMap(([name, { may, types }]) => [
  {
    name: `layer-${name}`,
    severity: 'error',
    from: { path: folder(name) },
    to: { path: '^src/', pathNot: [BASE, folder(name), ...[...may, ...types].map(folder)] },
  },
  ...(types.length === 0
    ? []
    : [
        {
          name: `layer-${name}-types-only`,
          severity: 'error',
          from: { path: folder(name) },
          to: { path: types.map(folder), dependencyTypesNot: ['type-only'] },
        },
      ]),
]);

/** One door per package: the only places that may import it. */
const DOORS = {
  undici: '^src/transports/undici\\.ts$',
  '@grpc/grpc-js': '^src/(transports/grpc-js\\.ts$|server/)',
  '@grpc/proto-loader': '^src/(protocols/proto(-files)?\\.ts$|server/)',
  protobufjs: '^src/(protocols/proto-files\\.ts$|server/)',
  'hdr-histogram-js': '^src/reduce/histogram\\.ts$',
  'cli-table3': '^src/reports/layout\\.ts$',
  sparkly: '^src/reports/progress\\.ts$',
  'log-update': '^src/commands/progress\\.ts$',
  commander: '^src/main\\.ts$',
  'pure-rand': '^src/random\\.ts$',
  'csv-stringify': '^src/reports/locust\\.ts$',
  '@opentelemetry/[a-z-]+': '^src/commands/otlp\\.ts$',
  'csv-parse': '^src/(datasets|samples)/',
  yaml: '^src/(spec|commands)/',
  zod: '^src/spec/',
};

const doorRules = Object.entries(DOORS).map(([name, path]) => ({
  name: `door-${name}`,
  severity: 'error',
  from: { path: '^src/', pathNot: path },
  to: { path: `^node_modules/${name}/` },
}));

export default {
  forbidden: [
    ...layerRules,
    ...doorRules,
    {
      name: 'base-imports-base',
      comment: 'layer 0 stands on Node alone',
      severity: 'error',
      from: { path: BASE },
      to: { path: '^src/', pathNot: BASE },
    },
    {
      name: 'fs-in-few-places',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '^src/(spec|samples|datasets|commands|server)/|^src/protocols/proto(-files)?\\.ts$',
      },
      to: { path: '^(node:)?fs(/promises)?$' },
    },
    {
      name: 'commands-on-top',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(commands/|main\\.ts$)' },
      to: { path: '^src/commands/' },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-circular-types',
      comment: 'but for a connection of gRPC, its calls and its lanes, each of which holds the others',
      severity: 'error',
      from: { pathNot: '^src/transports/grpc-(calls|connection|lanes|sender)\\.ts$' },
      to: { circular: true },
    },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/' }, to: {} },
    {
      name: 'not-to-dev',
      comment: 'optional peers are there for the tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
