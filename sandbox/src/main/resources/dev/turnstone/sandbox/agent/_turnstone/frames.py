"""Frames between the service and a worker.

A frame is a count, then that many fields, each a 4-byte length and its bytes; the first field is
JSON. Every request is followed by a nonce of 16 bytes that signs its answers. The worker reads it
only after it has forked what the request asks for, so no program ever has it in its memory. What
comes after the nonce while the request runs cancels it.
"""

import json
import os

NONCE = 16


class Connection:
    """One worker's end. The service's going away ends the worker and so the whole jail."""

    def __init__(self, read_fd, write_fd):
        self.read_fd = read_fd
        self.write_fd = write_fd
        self.nonce = b""

    def read_exactly(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                part = os.read(self.read_fd, min(size - len(data), 1 << 20))
            except ConnectionError:
                part = b""
            if not part:
                os._exit(0)
            data += part
        return bytes(data)

    def number(self):
        return int.from_bytes(self.read_exactly(4), "big")

    def receive(self):
        """The JSON of a request and its other fields."""
        self.nonce = b""
        fields = [self.read_exactly(self.number()) for _ in range(self.number())]
        return json.loads(fields[0]), fields[1:]

    def send(self, header, *fields):
        """Sends without a nonce: before the first request."""
        self._write([json.dumps(header).encode(), *fields])

    def take_nonce(self):
        if not self.nonce:
            self.nonce = self.read_exactly(NONCE)

    def answer(self, header, *fields):
        self.take_nonce()
        self._write([self.nonce, json.dumps(header).encode(), *fields])

    def _write(self, fields):
        frame = bytearray(len(fields).to_bytes(4, "big"))
        for field in fields:
            frame += len(field).to_bytes(4, "big") + field
        view = memoryview(frame)
        try:
            while view:
                view = view[os.write(self.write_fd, view) :]
        except (BrokenPipeError, ConnectionError):
            os._exit(0)
