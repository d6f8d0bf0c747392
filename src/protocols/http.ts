import { usageError } from '../errors.js';
import { choice, FlagProblem, text } from '../flags.js';
import { maskUrl } from '../text.js';
import { parseJson } from './json.js';
import { EXPECT_FLAG, expectationProblem } from './json-path.js';
import {
  DECODED_OK,
  type Decoded,
  getProbe,
  protocol,
  type Reading,
  type Reply,
  type WireRequest,
} from './protocol.js';
import { BODY_FLAG, type Body, ENDPOINT_NAME_FLAG } from './request-flags.js';
import { type Escape, type Row, rowOf, type Template, template } from './template.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const;
const METHOD = choice(METHODS, { arg: 'METHOD', help: 'HTTP method, by default GET, with a body POST' });

const HTTP_FLAGS = {
  method: { ...METHOD, parse: (word: string) => METHOD.parse(word.toUpperCase()) },
  path: {
    ...text({
      arg: 'PATH',
      help: "path and query of the request, below the URL's own; {{column}} is filled from the dataset",
    }),
    shown: maskUrl,
  },
  body: BODY_FLAG,
  'expect-status': {
    arg: 'CODE,…',
    help: 'the HTTP statuses that are no failure (default any 2xx)',
    parse: parseStatuses,
  },
  expect: EXPECT_FLAG,
  'endpoint-name': { ...ENDPOINT_NAME_FLAG, default: 'http' },
} as const;

function parseStatuses(words: string): readonly number[] {
  const statuses = words.split(',').map((word) => word.trim());
  if (!statuses.every((status) => /^[2-5]\d\d$/.test(status))) {
    throw new FlagProblem('must be HTTP statuses from 200 to 599, with commas between');
  }
  return statuses.map(Number);
}

/**
 * Any HTTP request. `{{column}}` in path, headers and body is filled from the row: percent-encoded in the path, escaped
 * in a JSON body. A body is JSON where its content-type says so, or, without one, where it begins like JSON.
 */
export const http = protocol({
  summary: 'any HTTP request: method, path, headers and body as given, placeholders filled from the dataset',
  via: 'http',
  flags: HTTP_FLAGS,
  server: 'predict',
  defaultPort: 80,
  dataset: 'none',
  input: 'row',
  takesPath: true,
  takesTarget: true,
  generic: true,
  maxBatch: 1,
  questions: (_values, basePath) => ({ readiness: getProbe(placeOf(basePath), anyAnswerOfIts) }),
  create: async (values, basePath, { headers: given } = { headers: {} }) => {
    const statuses = values['expect-status'];
    const { expect, body } = values;
    const method = values.method ?? (body === undefined ? 'GET' : 'POST');
    const headers = headersOf(body, given);
    const pathOf = template(targetOf(basePath, values.path), {
      flag: values.path ? '--path' : 'the URL',
      escaping: 'url',
    });
    const headersFor = headerTemplates(headers);
    const bodyFor = bodyTemplate(body, escapeOf(headers['content-type'] ?? ''));
    return {
      name: 'http',
      via: 'http',
      endpoints: [values['endpoint-name']],
      encode(items): WireRequest {
        const [item] = items;
        if (items.length !== 1 || item === undefined) {
          throw new RangeError('http sends one row per request');
        }
        const row = rowOf(item);
        return {
          method,
          path: pathOf.fill(row),
          headers: headersFor(row),
          body: bodyFor(row),
          batch: 1,
          ...(statuses && { statuses }),
        };
      },
      decode(response): Decoded {
        if (expect.length === 0) {
          return DECODED_OK;
        }
        const answer = parseJson(response.body);
        if (answer.problem !== undefined) {
          return { outcome: 'invalid_json', detail: answer.problem };
        }
        const problem = expectationProblem(answer.value, expect);
        return problem === undefined ? DECODED_OK : { outcome: 'wrong_output', detail: problem };
      },
    };
  },
});

/** The path of the URL as far as it is the same for all requests, to ask whether anything is there. */
function placeOf(basePath: string): string {
  const [fixed = ''] = basePath.split(/\?|\{\{/, 1);
  return template(fixed || '/', { flag: 'the URL', escaping: 'url' }).fill({});
}

/** A server that refuses a bare GET takes requests all the same; 5xx is that of a gateway, or of one that is not ready. */
function anyAnswerOfIts({ status, detail }: Reply): Reading<true> {
  return status !== undefined && status < 500 ? { value: true } : { problem: detail };
}

/** The request target: the path of the URL with `--path` below it. Throws BenchError('usage') for two that do not fit. */
function targetOf(basePath: string, path = ''): string {
  if (path !== '' && !/^[/?]/.test(path)) {
    throw usageError([`Cannot read --path: must begin with / or with ?: got ${JSON.stringify(path)}`]);
  }
  if (path !== '' && basePath.includes('?')) {
    throw usageError(['Cannot combine --path and a URL with a query: put the query into --path']);
  }
  const target = path === '' ? basePath : basePath.replace(/\/$/, '') + path;
  return target.startsWith('/') ? target : `/${target}`;
}

function headersOf(body: Body | undefined, given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return body === undefined || given['content-type'] !== undefined ? given : { ...given, 'content-type': typeOf(body) };
}

function typeOf(body: Body): string {
  if (typeof body !== 'string') {
    return 'application/octet-stream';
  }
  return /^\s*(?:\{(?!\{)|[["])/.test(body) ? 'application/json' : 'text/plain; charset=utf-8';
}

function escapeOf(contentType: string): Escape {
  if (/[/+]json\b/i.test(contentType)) {
    return 'json';
  }
  return /\bx-www-form-urlencoded\b/i.test(contentType) ? 'form' : 'text';
}

/** The headers of a row; one and the same object for all rows where none has a placeholder. */
export function headerTemplates(
  headers: Readonly<Record<string, string>>,
): (row: Row) => Readonly<Record<string, string>> {
  const templates = Object.entries(headers).map(
    ([name, value]) => [name, template(value, { flag: `--header ${name}`, escaping: 'header' })] as const,
  );
  const filled = (row: Row) => Object.fromEntries(templates.map(([name, value]) => [name, value.fill(row)]));
  const fixed = templates.every(([, value]) => value.fixed) ? filled({}) : undefined;
  return fixed ? () => fixed : filled;
}

function bodyTemplate(body: Body | undefined, escaping: Escape): (row: Row) => Buffer | null {
  if (typeof body !== 'string') {
    const bytes = body === undefined ? null : Buffer.from(body);
    return () => bytes;
  }
  const written: Template = template(body, { flag: '--body', escaping });
  return (row) => Buffer.from(written.fill(row));
}
