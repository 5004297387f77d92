"""A server's side of the feed, scripted by a test."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

TAGS = {"int32": 78, "float32": 85, "uint8": 64}


def cbor(value: Any) -> bytes:
    """Encodes what the feed uses."""
    match value:
        case None | bool():
            return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case np.ndarray():
            return _head(6, TAGS[str(value.dtype)]) + _head(2, value.nbytes) + value.tobytes()
        case dict():
            return _head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
        case _:
            return _head(4, len(value)) + b"".join(cbor(item) for item in value)


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        size = struct.calcsize(form)
        if argument < 1 << (8 * size):
            return bytes([major << 5 | info]) + struct.pack(form, argument)
    raise ValueError(argument)


def row(rollout: int, reward: float | None, length: int = 6, **changes: Any) -> dict[str, Any]:
    ids = np.arange(1, length + 1, dtype=np.int32)
    mask = np.array([0, 0] + [1] * (length - 2), np.uint8)
    starts = np.array([0, 2], np.int32)
    fields = {
        "row": rollout,
        "rollout": rollout,
        "rollout_attempt": 0,
        "branch": 0,
        "ids": ids,
        "mask": mask,
        "logprobs": np.where(mask, -0.5, 0).astype(np.float32),
        "versions": {"starts": starts, "values": np.array([-1, 3], np.int32)},
        "turns": {"starts": starts, "values": np.array([-1, 0], np.int32)},
        "temperatures": {"starts": np.zeros(1, np.int32), "values": np.array([0.7], np.float32)},
        "reward": reward,
        "reward_parts": {"exact_match": reward} if reward is not None else {},
        "stop": "answer",
        "prompt_length": 2,
        "flags": [],
    }
    return {**fields, **changes}


def group(seq: int, rewards: tuple[float | None, ...] = (1.0, 0.0), **changes: Any) -> dict[str, Any]:
    rows = [row(i, reward) for i, reward in enumerate(rewards)]
    fields = {
        "seq": seq,
        "epoch": 1,
        "group": f"g-{seq}",
        "group_attempt": 0,
        "task": {"messages": [{"role": "user", "content": "1 + 1"}], "data": {}, "environment": "python"},
        "expected": len(rows),
        "delivered": len(rows),
        "failed": [],
        "versions": {"min": 3, "max": 3},
        "rows": rows,
        "stats": {},
    }
    return {**fields, **changes}


class FakeServer:
    """Sends groups against credit, and can cut the connection; records what the trainer said."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.hellos: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any] | list[dict[str, Any]]] = []
        self.cut_after: set[int] = set()
        self.files: dict[str, bytes] = {}
        self.refuse: tuple[int, str] | None = None
        self.end = True
        self.compress = False
        self.changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self) -> Any:
        return await serve(self._trainer, "127.0.0.1", 0, subprotocols=["turnstone.v1"], compression=None)

    async def _trainer(self, socket: ServerConnection) -> None:
        hello = json.loads(await socket.recv())
        self.hellos.append(hello)
        if self.refuse:
            return await socket.close(*self.refuse)
        held = hello.get("resume", {}).get("held", 0)
        await socket.send(
            json.dumps(
                {
                    "type": "welcome",
                    "epoch": len(self.hellos),
                    "head": len(self.messages),
                    "commit": 0,
                    "version": 3,
                    "lineage": "demo",
                    "tokenizer_sha256": "t",
                    "chat_template_sha256": "c",
                    "vocab_size": 100,
                    "logprob_mode": "policy",
                    "limits": {},
                }
            )
        )
        credit = 0
        async for text in socket:
            if isinstance(text, bytes):
                self.files[self.heard[-1]["file"]] += text
                continue
            message = json.loads(text)
            if message["type"] == "weights_file":
                self.files[message["file"]] = b""
            with self.changed:
                self.heard.append(message)
                self.changed.notify_all()
            if message["type"] == "weights":
                await socket.send(json.dumps(self._answer(message)))
            credit += message.get("groups", 0)
            while credit and held < len(self.messages):
                held += 1
                message = self.messages[held - 1]
                credit -= isinstance(message, list) or message.get("type") != "dropped"
                await self._deliver(socket, self.messages[held - 1])
                if held in self.cut_after:
                    self.cut_after.discard(held)
                    return socket.transport.abort()
            if self.end and held == len(self.messages):
                await socket.send(json.dumps({"type": "end", "head": held}))

    async def _deliver(self, socket: ServerConnection, message: Any) -> None:
        for part in message if isinstance(message, list) else [message]:
            await socket.send(json.dumps(part) if part.get("type") == "dropped" else self._packed(cbor(part)))

    def _packed(self, frame: bytes) -> bytes:
        if not self.compress:
            return frame
        import zstandard

        return zstandard.compress(frame, 1)

    @staticmethod
    def _answer(message: dict[str, Any]) -> dict[str, Any]:
        known = {"lineage": message["lineage"], "version": message["version"]}
        if message["version"] > 3:
            return {"type": "weights_applied", **known, "load_ms": 5, "pause_ms": 1}
        return {"type": "weights_failed", **known, "reason": f"version {message['version']} is not new"}

    def wait_for(self, kind: str) -> dict[str, Any]:
        """The first message of a kind."""
        with self.changed:
            assert self.changed.wait_for(lambda: any(m["type"] == kind for m in self.heard), 10), self.heard
            return next(m for m in self.heard if m["type"] == kind)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _shut(self) -> None:
        self._server.close()
        await self._server.wait_closed()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.close()
