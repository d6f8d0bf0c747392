"""Answers every HTTP request without a body at once, and logs when it came.

The same server as arrivals.ts, with the time at which the kernel received the request's last segment (SO_TIMESTAMPNS,
socket(7)), which Node does not hand out: what the server needs to wake up is then no part of it. Prints its port. The
log has two little-endian 64-bit numbers a request, CLOCK_MONOTONIC ns: received by the kernel, seen by the server; it
is complete when the server has ended on SIGTERM.

    python3 bench/servers/arrivals.py LOG
"""

import array
import select
import signal
import socket
import struct
import sys
import time

# Not named by Python's socket module; asm-generic/socket.h.
SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("qq")
BODY = b'{"negative":0.5,"neutral":0.3,"positive":0.2}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


def realtime_ahead_ns():
    """CLOCK_REALTIME, in which the kernel stamps, less CLOCK_MONOTONIC: of many readings the tightest."""

    def reading():
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        real = time.clock_gettime_ns(time.CLOCK_REALTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        return after - before, real - (before + after) // 2

    return min(reading() for _ in range(100))[1]


def serve(log_path):
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    connections = {}
    # Stamps in the kernel's own clock until the end: it can be set meanwhile, which the two offsets would show.
    times = array.array("q")
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    ahead_ns = realtime_ahead_ns()
    print(listener.getsockname()[1], flush=True)
    while not ended:
        for descriptor, _ in poll.poll(0.2):
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                poll.register(connection.fileno(), select.EPOLLIN)
                continue
            connection = connections[descriptor]
            try:
                request, ancillary, _, _ = connection.recvmsg(65536, 64)
            except ConnectionError:
                request = b""
            if not request:
                poll.unregister(descriptor)
                connections.pop(descriptor).close()
                continue
            seen_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            # A head that came in parts counts when its end came.
            if request.endswith(b"\r\n\r\n"):
                seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
                times.extend((seconds * 1_000_000_000 + nanoseconds, seen_ns))
                connection.send(ANSWER)
    drift_ns = realtime_ahead_ns() - ahead_ns
    if abs(drift_ns) > 20_000:
        sys.exit(f"the system's clock was set while requests came: it moved by {drift_ns} ns against CLOCK_MONOTONIC")
    for index in range(0, len(times), 2):
        times[index] -= ahead_ns
    with open(log_path, "xb") as log:
        times.tofile(log)


serve(sys.argv[1])
