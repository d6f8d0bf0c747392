import { describe } from 'vitest';
import { readFlags } from '../../../src/flags.js';
import { PROTOCOLS } from '../../../src/protocols/index.js';
import { protocolContract } from '../../contract/protocol.js';

describe.each(Object.entries(PROTOCOLS))('%s', (_name, kind) => {
  protocolContract(kind, () => kind.create(readFlags(kind.flags, new Map(), []), ''));
});
