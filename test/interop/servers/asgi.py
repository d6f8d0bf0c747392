"""Runs an ASGI application on uvicorn, on a free port, with a row in the log for each request."""

import argparse
import socket
import threading
import time

import uvicorn

from service import Log, announce, wait_for_end


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--keep-alive-s", type=int, default=30)
    return parser


def seen(request):
    """The list that a handler puts the texts into that it was asked about."""
    return request.scope["seen"]


class Logged:
    """The row is written before the last bytes of the answer are handed on: a client that has them finds it."""

    def __init__(self, app, log):
        self._app = app
        self._log = log

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        recv_ns = time.monotonic_ns()
        ids = [value.decode() for name, value in scope["headers"] if name == b"x-request-id"]
        scope["seen"] = []
        answer = {}

        async def logged(message):
            if message["type"] == "http.response.start":
                answer["status"] = message["status"]
                answer["cache"] = dict(message["headers"]).get(b"x-mlapi-cache", b"").decode()
            elif not message.get("more_body", False):
                send_ns = time.monotonic_ns()
                row = {"ids": ids, "recv_ns": recv_ns, "send_ns": send_ns, "path": scope["path"], **answer}
                self._log.row(**row, texts=scope["seen"])
            await send(message)

        await self._app(scope, receive, logged)


def serve(app, options):
    log = Log(options.log)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    config = uvicorn.Config(
        Logged(app, log),
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=options.keep_alive_s,
    )
    server = uvicorn.Server(config)

    def stop_at_the_end():
        wait_for_end()
        server.should_exit = True

    threading.Thread(target=stop_at_the_end, daemon=True).start()
    announce(listener.getsockname()[1])
    server.run(sockets=[listener])
    log.close()
