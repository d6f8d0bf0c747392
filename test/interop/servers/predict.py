"""The server of the third seed, rebuilt: POST /predict {"text": [...]} behind a cache that says whether it had the
answer, and GET /health."""

import hashlib
import json
import time
from typing import List

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from asgi import arguments, seen, serve


class Texts(BaseModel):
    text: List[str]


def scores(text):
    negative = (hashlib.sha256(text.encode()).digest()[0] + 0.5) / 256
    return [{"label": "NEGATIVE", "score": negative}, {"label": "POSITIVE", "score": 1 - negative}]


def pieces(body, size):
    for start in range(0, len(body), size):
        yield body[start : start + size]


def application(options):
    app = FastAPI()
    cache = {}
    asked = 0

    @app.post("/predict")
    async def predict(texts: Texts, request: Request):
        nonlocal asked
        asked += 1
        seen(request).extend(texts.text)
        if options.fail_every and asked % options.fail_every == 0:
            return JSONResponse({"detail": "The queue is full"}, status_code=503)
        key = json.dumps(texts.text)
        now = time.monotonic()
        ends, answer = cache.get(key, (now, None))
        hit = now < ends
        if not hit:
            ends, answer = now + options.ttl_s, {"predictions": [scores(text) for text in texts.text]}
            cache[key] = (ends, answer)
        headers = {}
        if not options.no_cache:
            headers = {"X-MLAPI-Cache": "Hit" if hit else "Miss", "Cache-Control": f"max-age={int(ends - now)}"}
        if options.chunk_bytes:
            body = json.dumps(answer).encode()
            return StreamingResponse(pieces(body, options.chunk_bytes), headers=headers, media_type="application/json")
        return JSONResponse(answer, headers=headers)

    @app.get("/health")
    async def health():
        return {"status": "healthy"}

    return app


if __name__ == "__main__":
    parser = arguments()
    parser.add_argument("--ttl-s", type=float, default=60)
    parser.add_argument("--no-cache", action="store_true", help="no X-MLAPI-Cache, as when the store was not reached")
    parser.add_argument("--fail-every", type=int, default=0, help="every n-th answer of /predict is a 503")
    parser.add_argument("--chunk-bytes", type=int, default=0, help="answers in chunks of so many bytes, without a length")
    given = parser.parse_args()
    serve(application(given), given)
