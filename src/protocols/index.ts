import { oipGrpc } from './oip-grpc.js';
import { oipRest } from './oip-rest.js';
import { openaiChat, openaiCompletions, openaiEmbeddings } from './openai.js';
import { predict } from './predict.js';
import type { ProtocolKind } from './protocol.js';
import { sentiment } from './sentiment.js';
import { tfServingGrpc } from './tf-serving-grpc.js';
import { tfServingRest } from './tf-serving-rest.js';
import { torchserve } from './torchserve.js';

/** The wire contracts by name. To add one, write its file and its line. */
export const PROTOCOLS: Readonly<Record<string, ProtocolKind>> = {
  sentiment,
  predict,
  'tf-serving-rest': tfServingRest,
  'tf-serving-grpc': tfServingGrpc,
  'oip-rest': oipRest,
  'oip-grpc': oipGrpc,
  torchserve,
  'openai-chat': openaiChat,
  'openai-completions': openaiCompletions,
  'openai-embeddings': openaiEmbeddings,
};
