import { expect, it } from 'vitest';
import { errorText } from '../../../src/protocols/json.js';

it.each([
  [
    'TensorFlow Serving',
    '{\n    "error": "Servable not found for request: Latest(nope)"\n}',
    'Servable not found for request: Latest(nope)',
  ],
  ['Triton', '{"error":"unknown model"}', 'unknown model'],
  ['OpenAI', '{"error":{"message":"no such model","type":"x","code":"model_not_found"}}', 'no such model'],
  ['TorchServe', '{"code":404,"type":"ModelNotFoundException","message":"Model not found: x"}', 'Model not found: x'],
  ['FastAPI without the path', '{"detail":"Not Found"}', undefined],
  ['an empty error', '{"error":""}', undefined],
  ['an error that is no text', '{"error":{"code":5}}', undefined],
  ['null', 'null', undefined],
  ['a number', '7', undefined],
  ['a page', '<h1>Not Found</h1>', undefined],
  ['a text that was cut', '{"error":"Serv', undefined],
])('the error of %s', (_whose, body, said) => {
  expect(errorText(body)).toBe(said);
});
