import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue: string };
}

/** A point of OTLP's JSON; 64-bit numbers are text or numbers there. */
interface Point {
  readonly attributes: readonly Attribute[];
  readonly asDouble?: number;
  readonly asInt?: number | string;
  readonly count?: number | string;
  readonly sum?: number;
  readonly bucketCounts?: readonly (number | string)[];
  readonly explicitBounds?: readonly number[];
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

interface Points {
  readonly dataPoints: readonly Point[];
  readonly aggregationTemporality?: number | string;
  readonly isMonotonic?: boolean;
}

interface Push {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly unit: string;
        readonly sum?: Points;
        readonly gauge?: Points;
        readonly histogram?: Points;
      }[];
    }[];
  }[];
}

/** A collector of OTLP over HTTP that keeps what it is sent. */
export async function startCollector(status = 200) {
  const pushes: { readonly path: string | undefined; readonly type: string | undefined; readonly body: Push }[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) {
      parts.push(part as Buffer);
    }
    pushes.push({
      path: request.url,
      type: request.headers['content-type'],
      body: JSON.parse(Buffer.concat(parts).toString()),
    });
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pushes,
    /** A metric of the last push. */
    last: (name: string) =>
      pushes.at(-1)?.body.resourceMetrics[0]?.scopeMetrics[0]?.metrics.find((metric) => metric.name === name),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
