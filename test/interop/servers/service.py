"""What the servers of the tests share: one line on standard output when they listen, the end of standard input as the
sign to stop, and a log of what they saw, a JSON object per request."""

import json
import sys
import threading


class Log:
    """Rows in the order of the answers; safe to use from many threads."""

    def __init__(self, path):
        self._file = open(path, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def row(self, **values):
        line = json.dumps(values)
        with self._lock:
            self._file.write(line + "\n")

    def close(self):
        self._file.close()


def announce(port):
    print(json.dumps({"port": port}), flush=True)


def wait_for_end():
    """Returns when the test that started this server wants it to stop, or is gone."""
    sys.stdin.read()
