import { usageError } from '../errors.js';
import { FlagProblem, text } from '../flags.js';
import { reflect } from './grpc-reflection.js';
import { headerTemplates } from './http.js';
import { EXPECT_FLAG, type Expectation, expectationProblem } from './json-path.js';
import { callProbe, grpcMethod } from './proto.js';
import { type AnyMethod, type Call, loadDescriptors, loadProtoFile, methodOf } from './proto-files.js';
import { encodeJson, jsonOf, stepsInto } from './proto-json.js';
import {
  type Ask,
  type BodyPieces,
  DECODED_OK,
  type Decoded,
  type Probe,
  protocol,
  type WireRequest,
  type WireResponse,
} from './protocol.js';
import { BODY_FLAG, type Body, ENDPOINT_NAME_FLAG } from './request-flags.js';
import { rowOf, template } from './template.js';

const GRPC_FLAGS = {
  call: { arg: 'pkg.Service/Method', help: 'the method to call, unary or server-streaming', parse: parseCall },
  proto: {
    ...text({ arg: 'FILE', help: '.proto file of the method; without it the server is asked (reflection)' }),
    holds: 'path' as const,
  },
  'proto-path': {
    ...text({ arg: 'DIR', help: "folder that imports are relative to (default the file's own); may be repeated" }),
    repeatable: true as const,
    holds: 'path' as const,
  },
  body: BODY_FLAG,
  expect: EXPECT_FLAG,
  'endpoint-name': ENDPOINT_NAME_FLAG,
} as const;

function parseCall(word: string): Call {
  const match = /^\/?((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)[/.]([A-Za-z_]\w*)$/.exec(word);
  if (!match) {
    throw new FlagProblem('must be a method such as inference.GRPCInferenceService/ModelInfer');
  }
  return { service: match[1] as string, method: match[2] as string };
}

/**
 * Any gRPC method, unary or server-streaming: the request is written as JSON, with placeholders that are filled from the
 * dataset. The definitions come from a .proto file or from the server itself. Of a stream, `--expect` looks at each
 * message, and the times are those at which the messages came.
 */
export const grpc = protocol({
  summary:
    'any gRPC method, from a .proto file or server reflection: the request as JSON, placeholders from the dataset',
  via: 'grpc',
  flags: GRPC_FLAGS,
  server: 'oip',
  defaultPort: 50051,
  dataset: 'none',
  input: 'row',
  takesPath: false,
  generic: true,
  maxBatch: 1,
  questions: async ({ call, proto }) => ({
    readiness: await health(),
    ...(call && proto === undefined && { definitions: (ask: Ask) => reflect(call.service, ask) }),
  }),
  create: async (values, _basePath, { headers, learned } = { headers: {} }) => {
    const { call, proto, expect } = values;
    if (!call) {
      throw usageError([
        'Cannot use --protocol grpc without --call: it needs the method, such as --call pkg.Service/Method',
      ]);
    }
    const root =
      proto === undefined
        ? await loadDescriptors(learned ?? [])
        : await loadProtoFile({ file: proto, roots: values['proto-path'].filter((folder) => folder !== undefined) });
    const method = methodOf(root, call);
    if (method.takesStream) {
      throw usageError([
        `Cannot call --call ${call.service}/${call.method}: it takes a stream of requests; wanted a unary or a server-streaming method`,
      ]);
    }
    const expectations = expect.map((each) => inMessage(each as Expectation, method));
    const written = template(jsonText(values.body ?? '{}'), { flag: '--body', escaping: 'json' });
    const headersFor = headerTemplates(headers);
    return {
      name: 'grpc',
      via: 'grpc',
      endpoints: [values['endpoint-name'] ?? call.method],
      ...(method.givesStream && { lane: 'library' as const, tells: true as const }),
      encode(items): WireRequest {
        const [item] = items;
        if (items.length !== 1 || item === undefined) {
          throw new RangeError('grpc sends one row per request');
        }
        const row = rowOf(item);
        return {
          method: 'POST',
          path: method.path,
          headers: headersFor(row),
          body: messageOf(method, written.fill(row)),
          batch: 1,
          ...(method.givesStream && { stream: true }),
        };
      },
      decode: (response) => decode(response, method, expectations),
    };
  },
});

/** Codes with which a server says that it has no health service, or none that knows of the server as a whole. */
const NO_HEALTH: readonly (number | undefined)[] = [5, 12];

/** Ready when the health service says so of the server as a whole, or when the server answers that it has none. */
async function health(): Promise<Probe<true>> {
  const check = await grpcMethod<object, { readonly status: string }>(
    'grpc/health/v1/health.proto',
    'grpc.health.v1.Health',
    'Check',
  );
  const probe = callProbe<object, { readonly status: string }, true>(check, {}, ({ status }) =>
    status === 'SERVING' ? { value: true } : { problem: `The server says that it is ${status}` },
  );
  return { ...probe, read: (reply) => (NO_HEALTH.includes(reply.status) ? { value: true } : probe.read(reply)) };
}

function jsonText(body: Body): string {
  if (typeof body !== 'string') {
    throw usageError(['Cannot read --body: wanted JSON, got bytes that are no UTF-8 text']);
  }
  return body;
}

/** The request of a row: JSON, and of the method's message. */
function messageOf({ request }: AnyMethod, json: string): Buffer {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw usageError([`Cannot read --body: not JSON: ${(error as Error).message}`]);
  }
  try {
    return encodeJson(request, value);
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
    throw usageError([`Cannot read --body: ${error.message}`]);
  }
}

/** An expectation whose path goes through the fields of the answer by their names in the definitions. */
function inMessage(expectation: Expectation, { response }: AnyMethod): Expectation {
  try {
    return { ...expectation, steps: stepsInto(response, expectation.steps) };
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
    throw usageError([`Cannot read --expect ${expectation.text}: ${error.message}`]);
  }
}

function decode(response: WireResponse, method: AnyMethod, expectations: readonly Expectation[]): Decoded {
  const { body, pieces } = response;
  const ends = method.givesStream ? (pieces?.endBytes ?? []) : [body.length];
  const times = method.givesStream && pieces ? messageTimes(pieces) : {};
  for (const [index, end] of ends.entries()) {
    const where = method.givesStream ? `Message ${index}: ` : '';
    let problem: string | undefined;
    try {
      const message = method.response.decode(bytesOf(body, index === 0 ? 0 : (ends[index - 1] as number), end));
      problem =
        expectations.length === 0 ? undefined : expectationProblem(jsonOf(method.response, message), expectations);
    } catch (error) {
      return {
        outcome: 'decode_error',
        detail: `${where}Not a ${method.response.name}: ${(error as Error).message}`,
        ...times,
      };
    }
    if (problem !== undefined) {
      return { outcome: 'wrong_output', detail: `${where}${problem}`, ...times };
    }
  }
  if (ends.length === 0 && expectations.length > 0) {
    return { outcome: 'wrong_output', detail: 'Expected messages, got an empty stream', ...times };
  }
  return method.givesStream ? { ...DECODED_OK, ...times } : DECODED_OK;
}

/** A part of a body, not as a Buffer: from one, protobufjs takes a text that is cut short for a whole one. */
function bytesOf({ buffer, byteOffset }: Buffer, start: number, end: number): Uint8Array {
  return new Uint8Array(buffer, byteOffset + start, end - start);
}

/** When the messages of a stream came, µs of the run's clock; nothing of times without messages. */
function messageTimes({ atUs }: BodyPieces): Pick<Decoded, 'chunks' | 'firstTokenUs' | 'lastTokenUs' | 'gapsUs'> {
  const [firstTokenUs] = atUs;
  const lastTokenUs = atUs.at(-1);
  if (firstTokenUs === undefined || lastTokenUs === undefined) {
    return { chunks: 0 };
  }
  const gapsUs = atUs.slice(1).map((us, index) => us - (atUs[index] as number));
  return { chunks: atUs.length, firstTokenUs, lastTokenUs, gapsUs };
}
