import type { ProtocolKind } from '../protocols/protocol.js';
import { maskUrl } from '../text.js';

/** Where to send, as the user wrote it and taken apart. */
export interface Endpoint {
  readonly url: string;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** Empty when the URL has none. */
  readonly path: string;
}

export interface EndpointInput {
  /** Of the command line, which wins, and of the spec file. */
  readonly operands: readonly string[];
  readonly fileUrl: string | undefined;
  readonly protocol: string;
  readonly protocolKind: ProtocolKind;
  readonly problems: string[];
}

/** Takes a URL apart; what is wrong with it goes to `problems`, and the result is undefined as it is without one. */
export function readEndpoint({
  operands,
  fileUrl,
  protocol,
  protocolKind,
  problems,
}: EndpointInput): Endpoint | undefined {
  if (operands.length > 1) {
    problems.push(`Got ${operands.length} URLs, wanted one: ${operands.map(maskUrl).join(' ')}`);
  }
  const url = operands[0] ?? fileUrl;
  if (url === undefined) {
    if (protocolKind.server === undefined) {
      problems.push(`--protocol ${protocol} has no embedded server: wanted a URL to send to`);
    }
    return undefined;
  }
  const schemes = protocolKind.via === 'http' ? ['http', 'https'] : ['grpc', 'grpcs'];
  const shown = maskUrl(url);
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `${schemes[0]}://${url}`;
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(full) as RegExpExecArray;
  const scheme = (match[1] as string).toLowerCase();
  if (!schemes.includes(scheme)) {
    problems.push(
      `Cannot use URL ${shown}: --protocol ${protocol} goes over ${schemes.join('://, ')}://, got ${scheme}://`,
    );
    return undefined;
  }
  // The URL class knows the parts of http URLs only; the default port must not be swallowed.
  const parsed = URL.canParse(`http://${match[2]}`) ? new URL(`http://${match[2]}`) : undefined;
  if (!parsed?.hostname) {
    problems.push(`Cannot read URL ${shown}: wanted ${schemes[0]}://host:port`);
    return undefined;
  }
  if (parsed.username || parsed.password) {
    problems.push(`Cannot use URL ${shown}: a user name or password in it is not sent; use --header-file`);
  }
  const path = parsed.pathname === '/' ? '' : parsed.pathname;
  if (parsed.search || parsed.hash) {
    problems.push(`Cannot use URL ${shown}: wanted no query and no fragment`);
  }
  if (path && !protocolKind.takesPath) {
    problems.push(`Cannot use URL ${shown}: --protocol ${protocol} has paths of its own; give host and port only`);
  }
  const explicitPort = /:(\d+)$/.exec(match[2]?.split(/[/?#]/)[0] ?? '')?.[1];
  const secure = scheme === 'https' || scheme === 'grpcs';
  const usualPort = protocolKind.via === 'grpc' ? protocolKind.defaultPort : secure ? 443 : 80;
  const port = explicitPort === undefined ? usualPort : Number(explicitPort);
  if (port === 0) {
    problems.push(`Cannot use URL ${shown}: port 0 is no port to connect to`);
  }
  return { url: shown, secure, host: parsed.hostname.replace(/^\[|\]$/g, ''), port, path };
}
