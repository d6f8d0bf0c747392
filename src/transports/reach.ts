import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { BenchError } from '../errors.js';
import { US_PER_MS } from '../units.js';
import { OPEN_TIMEOUT_US, reasonOf } from './opening.js';
import { authority, type Target } from './transport.js';

/**
 * Resolves the host once and opens a TCP connection to it, tried address by address: whether anything listens is looked
 * at before the run, so that a wrong address is an error and not a run of failures. Throws
 * BenchError('unreachable') when none takes it. All requests of the run go to the address that did.
 */
export async function reach(endpoint: Omit<Target, 'address'>, timeoutUs = OPEN_TIMEOUT_US): Promise<Target> {
  const { host, port } = endpoint;
  let problem: unknown;
  try {
    for (const { address } of await lookup(host, { all: true, verbatim: true })) {
      problem = await connectProblem(address, port, timeoutUs);
      if (problem === undefined) {
        return { ...endpoint, address };
      }
    }
  } catch (error) {
    problem = error;
  }
  throw new BenchError('unreachable', `Cannot reach ${authority(host, port)}: ${reasonOf(problem)}`, {
    cause: problem,
    hint: 'check the host and the port, and that the server is up; nothing was sent',
  });
}

function connectProblem(address: string, port: number, timeoutUs: number): Promise<unknown> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: Math.ceil(timeoutUs / US_PER_MS) });
    const end = (problem: unknown) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('connect', () => end(undefined));
    socket.once('timeout', () => end({ code: 'ETIMEDOUT' }));
    socket.once('error', end);
  });
}
