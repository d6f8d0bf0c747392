import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';
import { type Given, readFlags } from '../../../src/flags.js';
import { PROTOCOLS } from '../../../src/protocols/index.js';
import { protocolContract } from '../../contract/protocol.js';

/** What the protocols need whose requests are what the user writes. */
const GIVEN: Readonly<Record<string, Given>> = {
  http: new Map([
    ['path', ['/{{number}}']],
    ['expect', ["$['no answer of a test has this']"]],
  ]),
  grpc: new Map([
    ['call', ['zoo.Keeper/Feed']],
    ['proto', [fileURLToPath(new URL('../../fixtures/protos/zoo/keeper.proto', import.meta.url))]],
    ['proto-path', [fileURLToPath(new URL('../../fixtures/protos', import.meta.url))]],
    ['expect', ['$.food=no answer of a test has this']],
  ]),
};

describe.each(Object.entries(PROTOCOLS))('%s', (name, kind) => {
  protocolContract(kind, () => kind.create(readFlags(kind.flags, GIVEN[name] ?? new Map(), []), ''));
});
