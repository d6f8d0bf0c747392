import { expect, it } from 'vitest';
import { PROTOCOLS } from '../../../src/protocols/index.js';
import type { ProtocolKind } from '../../../src/protocols/protocol.js';
import { readEndpoint } from '../../../src/spec/endpoint.js';

it('a protocol that the embedded server does not speak needs a URL', () => {
  const { server: _none, ...protocolKind } = PROTOCOLS.predict as ProtocolKind;
  const read = (operands: readonly string[]) => {
    const problems: string[] = [];
    const endpoint = readEndpoint({ operands, fileUrl: undefined, protocol: 'seldon', protocolKind, problems });
    return { endpoint, problems };
  };
  expect(read([]).problems).toEqual(['--protocol seldon has no embedded server: wanted a URL to send to']);
  expect(read(['http://host:1'])).toMatchObject({ problems: [], endpoint: { port: 1 } });
});
