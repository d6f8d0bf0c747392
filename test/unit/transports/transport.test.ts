import { describe, expect, it } from 'vitest';
import { authority, grpcTimeout, requestId } from '../../../src/transports/transport.js';

describe('authority', () => {
  it.each([
    ['a name', 'model.test', 80, 'model.test:80'],
    ['an IPv4 address', '127.0.0.1', 8501, '127.0.0.1:8501'],
    ['an IPv6 address', '::1', 8501, '[::1]:8501'],
  ])('of %s', (_what, host, port, expected) => {
    expect(authority(host, port)).toBe(expected);
  });
});

describe('a request id', () => {
  it.each([
    [0, '0000000000'],
    [7, '0000000007'],
    [1_234_567_890, '1234567890'],
  ])('of %i has ten digits', (seq, expected) => {
    expect(requestId(seq)).toBe(expected);
  });
});

describe('grpc-timeout', () => {
  it.each([
    ['a second', 1_000_000, '1000000u'],
    ['a fraction, rounded up', 10.2, '11u'],
    ['no time', 0, '1u'],
    ['a deadline that has passed', -5, '1u'],
    ['the most that eight digits of µs hold', 99_999_999, '99999999u'],
    ['more, in ms', 100_000_000, '100000m'],
    ['more, rounded up', 100_000_001, '100001m'],
    ['more than eight digits of ms hold', 1e12, '99999999m'],
  ])('for %s', (_what, us, expected) => {
    expect(grpcTimeout(us)).toBe(expected);
  });
});
