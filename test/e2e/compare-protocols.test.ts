import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../examples/compare-protocols.mjs', import.meta.url));

it('the comparison of protocols prints a line for each, with the bytes that the wire formats ask for', async () => {
  const words = '--pattern constant --users 2 --think-time 5ms --duration 1s --batch-size 4 --seed 3'.split(' ');
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, ...words]);
  const [head = '', ...lines] = stdout.trimEnd().split('\n');
  expect(head.trim().split(/ {2,}/)).toEqual(['bytes/req', 'encode us', 'p50 ms', 'p95 ms', 'ok/s', 'verdict']);
  // The longest verdict, INCONCLUSIVE, has room.
  expect(head.indexOf('verdict') + 'INCONCLUSIVE'.length).toBeLessThanOrEqual(80);
  const rows = new Map(
    lines.map((line) => {
      const [protocol, encoding, ...cells] = line.trim().split(/\s+/);
      return [`${protocol} ${encoding}` as string, cells] as const;
    }),
  );
  expect([...rows.keys()]).toEqual([
    'tf-serving-rest json',
    'tf-serving-grpc raw',
    'oip-rest json',
    'oip-rest binary',
    'oip-grpc typed',
    'oip-grpc raw',
  ]);
  for (const cells of rows.values()) {
    expect(cells.length).toBe(6);
    expect(cells.slice(0, 5).every((cell) => Number(cell) > 0)).toBe(true);
  }
  // Four images of 784 floats are 12,544 bytes; the seed's own gRPC client sends 12,599 in all.
  const bytes = (way: string) => Number(rows.get(way)?.[0]);
  expect(bytes('tf-serving-grpc raw')).toBe(12_599);
  for (const way of ['oip-rest binary', 'oip-grpc typed', 'oip-grpc raw']) {
    expect(bytes(way)).toBeGreaterThan(12_544);
    expect(bytes(way)).toBeLessThan(12_544 + 250);
  }
  expect(bytes('tf-serving-rest json')).toBeGreaterThan(bytes('oip-grpc raw'));
});
