"""A consumer that asks for everything and reads nothing, though it says that it lives: the server's memory must not
grow.

    ./turnstone bench feed --seconds 600 --client "python trainer-bridge/python/examples/stalled_consumer.py"

The benchmark adds the server, the run and the seconds, and watches the server's memory.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import sys
import time
from urllib.parse import urlsplit


def frame(message: dict[str, object]) -> bytes:
    """A masked text frame."""
    text = json.dumps(message).encode()
    length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack(">H", len(text))
    return b"\x81" + length + b"\0\0\0\0" + text


def upgraded(server: str, run: str) -> socket.socket:
    """A WebSocket by hand: a library would read ahead."""
    url = urlsplit(server)
    connection = socket.create_connection((url.hostname or "", url.port or 80), timeout=30)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        (
            f"GET /v1/runs/{run}/feed HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: turnstone.v1\r\n\r\n"
        ).encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    if b" 101 " not in head.split(b"\r\n", 1)[0]:
        raise SystemExit(head.decode())
    return connection


def main() -> None:
    server, run, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with upgraded(server, run) as connection:
        connection.sendall(frame({"type": "hello", "run": run, "role": "train", "consumer": "stalled"}))
        connection.sendall(frame({"type": "credit", "groups": 1 << 30, "bytes": 1 << 40}))
        began = time.monotonic()
        beats = 0
        while time.monotonic() - began < seconds:
            time.sleep(5)
            connection.sendall(frame({"type": "heartbeat"}))
            beats += 1
        print(json.dumps({"client": "python, stalled", "stalled_s": round(time.monotonic() - began, 1), "beats": beats}))


if __name__ == "__main__":
    main()
