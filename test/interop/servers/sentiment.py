"""The server of the first seed, rebuilt: GET /?query=TEXT gives a flat object label -> probability."""

import hashlib

from fastapi import FastAPI, Request

from asgi import arguments, seen, serve

LABELS = ["others", "joy", "sadness", "anger", "surprise", "disgust", "fear"]

app = FastAPI()


# Not a coroutine, as in the original: the framework runs it in its pool of threads.
@app.get("/")
def sentiment(query: str, request: Request):
    seen(request).append(query)
    # Some scores that depend on the text alone and sum to one.
    parts = [byte + 1 for byte in hashlib.sha256(query.encode()).digest()[: len(LABELS)]]
    return {label: part / sum(parts) for label, part in zip(LABELS, parts)}


if __name__ == "__main__":
    serve(app, arguments().parse_args())
