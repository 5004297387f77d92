"""The feed for asyncio: a run's groups in order, over a WebSocket that is made again whenever it is lost.

The protocol is `openapi/feed.yaml`. Three cursors are the trainer's: `received` (sent here), `trained` and `commit`.
A group that was committed never comes again; one that was not comes again after a restart.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from turnstone import cbor
from turnstone.group import BadGroup, Dropped, Group, group_of
from turnstone.parts import Parts, unpacked
from turnstone.server import message_of
from turnstone.weights import PIECE, Published

MESSAGE_BYTES = 64 << 20
SILENCE_S = 60.0
_FINAL = {1000, 1002, 4400, 4401, 4410}
"""Close codes after which coming back cannot help."""


class FeedClosed(RuntimeError):
    """The feed is over: the server refused this trainer, or a newer one took the run."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code
        self.reason = reason


class WeightsFailed(RuntimeError):
    """The server refused new weights; the old ones go on serving."""


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """Where the feed is and how much of it may be ahead of the trainer.

    `commit` is the last seq of the checkpoint that the trainer starts from; without it the server goes on after its
    stored one. `tokenizer_sha256` is what the trainer was made for; another server is refused. `compress` asks for zstd
    (needs the package `zstandard`), and `heartbeat_s` is the pace of heartbeats either way.
    """

    server: str
    run: str
    consumer: str
    api_key: str | None = None
    commit: int | None = None
    window_groups: int = 16
    window_bytes: int = 1 << 30
    tokenizer_sha256: str | None = None
    observe: bool = False
    patience: float = 600.0
    compress: bool = False
    heartbeat_s: float = 5.0

    @property
    def url(self) -> str:
        """The WebSocket's address."""
        return "ws" + self.server.rstrip("/").removeprefix("http") + f"/v1/runs/{self.run}/feed"


@dataclass(slots=True)
class _Held:
    """What came and was not taken yet. What the server dropped cost no credit: `groups` and `size` are 0."""

    item: Group | Dropped
    groups: int
    size: int


@dataclass(slots=True)
class _Update:
    """Weights on their way to the server."""

    published: Published
    answer: asyncio.Future[Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False
    sent_over: ClientConnection | None = None


class AsyncFeed:
    """A run's groups, in order of seq. Use it as a context manager and iterate over it.

    Every method belongs to the event loop that entered it.
    """

    def __init__(self, options: FeedOptions) -> None:
        self.options = options
        self.welcome: Mapping[str, Any] = {}
        self._socket: ClientConnection | None = None
        self._items: deque[_Held] = deque()
        self._changed = asyncio.Condition()
        self._parts = Parts()
        self._held = self._received = options.commit or 0
        self._owed_groups = self._owed_bytes = 0
        self._begun = options.commit is not None
        self._commit = options.commit
        self._saying: dict[str, dict[str, Any]] = {}
        self._nacks: list[dict[str, Any]] = []
        self._update: _Update | None = None
        self._ended = False
        self._closed: FeedClosed | None = None
        self.decode_s = 0.0
        self.heartbeat_delays_s: deque[float] = deque(maxlen=10_000)
        self._applied: int | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AsyncFeed:
        self._task = asyncio.create_task(self._run(), name=f"feed {self.options.run}")
        try:
            async with asyncio.timeout(self.options.patience), self._changed:
                await self._changed.wait_for(lambda: bool(self.welcome) or self._closed is not None)
        except TimeoutError:
            await self.close()
            raise FeedClosed(4408, f"no welcome from {self.options.server} in {self.options.patience:g} s") from None
        if self._closed:
            await self.close()
            raise self._closed
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Says goodbye after what was sent."""
        if self._socket is not None:
            with suppress(ConnectionClosed, TimeoutError):
                await self._socket.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def __aiter__(self) -> AsyncIterator[Group | Dropped]:
        return self

    async def __anext__(self) -> Group | Dropped:
        item = await self.take()
        if item is None:
            raise StopAsyncIteration
        return item

    async def take(self, timeout: float | None = None) -> Group | Dropped | None:
        """The next of the feed, or `None` when nothing will follow.

        Raises `TimeoutError` if none came in time, which loses nothing, and `FeedClosed` if the feed broke off.
        """
        async with self._changed:
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait_for(lambda: bool(self._items) or self._ended or self._closed is not None)
            except TimeoutError:
                raise TimeoutError(f"no group of run {self.options.run} came within {timeout:g} s") from None
            held = self._items.popleft() if self._items else None
        if held is not None:
            self._owed_groups += held.groups
            self._owed_bytes += held.size
            await self._grant()
            return held.item
        if self._ended:
            return None
        assert self._closed is not None
        raise self._closed

    async def _grant(self) -> None:
        """Gives credit back, and says what came, several groups at a time: every message costs both sides as much as a
        small group. Nothing is kept back once the trainer waits for more."""
        if self._items and self._owed_groups * 4 < self.options.window_groups:
            return
        credit = {"type": "credit", "groups": self._owed_groups, "bytes": self._owed_bytes}
        owed = self._owed_groups > 0
        self._owed_groups = self._owed_bytes = 0
        if self._received < self._held:
            self._received = self._held
            await self._send({"type": "received", "seq": self._held})
        if owed:
            await self._send(credit)

    @property
    def version(self) -> int:
        """The policy version that the server serves, as far as it has said."""
        return int(self.welcome["version"]) if self._applied is None else self._applied

    async def trained(self, seq: int, version: int) -> None:
        """The step over groups up to `seq` is done; it made `version`."""
        await self._say({"type": "trained", "seq": seq, "version": version})

    async def commit(self, seq: int, version: int, checkpoint: str) -> None:
        """Groups up to `seq` are in a durable checkpoint that holds `version`."""
        self._commit = seq
        await self._say({"type": "commit", "seq": seq, "version": version, "checkpoint": checkpoint})

    async def nack(self, seq: int, reason: str) -> None:
        """A group cannot be trained; the server quarantines it."""
        message = {"type": "nack", "seq": seq, "reason": reason}
        if self._socket is None:
            self._nacks.append(message)
        else:
            await self._send(message)

    async def stats(self, figures: Mapping[str, Any]) -> None:
        """Figures of a step, for people; lost if there is no connection."""
        await self._send({"type": "stats", **figures})

    async def weights(
        self, published: Published, timeout: float | None = None, *, stream: bool = False, **settings: Any
    ) -> Mapping[str, Any]:
        """Sends new weights and waits until they serve, across reconnects.

        `stream` sends the files themselves, for a server that does not see the folder. Settings are `pause`, `kv` and
        `probe`. Raises `WeightsFailed` with the server's sentence if it refuses them.
        """
        if self._update is not None:
            raise RuntimeError("an update is under way")
        self._update = _Update(published, asyncio.get_running_loop().create_future(), settings, stream)
        try:
            await self._send_update()
            async with asyncio.timeout(timeout or self.options.patience):
                answer = await self._update.answer
        finally:
            self._update = None
        if answer["type"] == "weights_failed":
            raise WeightsFailed(answer["reason"])
        return answer

    # --- the connection -------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        attempt = 0
        while self._closed is None:
            welcomed = self.welcome
            try:
                await self._connection()
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as e:
                await self._lost(e)
            except (cbor.CborError, BadGroup, ValueError, KeyError) as e:
                await self._over(1002, f"the server's message cannot be read: {e}")
            except FeedClosed as e:
                await self._over(e.code, e.reason)
            attempt = 0 if self.welcome is not welcomed else attempt + 1
            if self._closed is None:
                await asyncio.sleep(min(5.0, 0.1 * 2 ** min(attempt, 6)) * random.uniform(0.5, 1.0))

    async def _connection(self) -> None:
        headers = {"Authorization": f"Bearer {self.options.api_key}"} if self.options.api_key else {}
        async with connect(
            self.options.url,
            subprotocols=[Subprotocol("turnstone.v1")],
            additional_headers=headers,
            max_size=MESSAGE_BYTES + (1 << 16),
            max_queue=2,
            compression=None,
            ping_interval=None,
            open_timeout=30,
            close_timeout=10,
        ) as socket:
            await socket.send(json.dumps(self._hello()))
            beat = asyncio.create_task(self._heartbeat(socket))
            try:
                while True:
                    message = await asyncio.wait_for(socket.recv(), SILENCE_S)
                    if isinstance(message, str):
                        await self._control(socket, json.loads(message))
                    else:
                        await self._group(message)
            finally:
                beat.cancel()
                self._socket = None

    def _hello(self) -> dict[str, Any]:
        role = "observe" if self.options.observe else "train"
        hello: dict[str, Any] = {"type": "hello", "run": self.options.run, "role": role}
        hello["consumer"] = self.options.consumer
        if self.options.compress:
            hello["compress"] = ["zstd"]
        if self.options.heartbeat_s != 5.0:
            hello["heartbeat_ms"] = round(self.options.heartbeat_s * 1000)
        if self._begun:
            hello["resume"] = {"commit": self._commit or 0, "held": self._held}
        return hello

    async def _heartbeat(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(self.options.heartbeat_s)
                await socket.send('{"type":"heartbeat"}')

    async def _control(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        match message["type"]:
            case "welcome":
                await self._welcomed(socket, message)
            case "dropped":
                dropped = Dropped(
                    message["seq"],
                    message["group"],
                    message["reason"],
                    tuple(message.get("lengths") or ()),
                    tuple(message.get("rewards") or ()),
                )
                await self._arrived(dropped, 0, 0)
            case "weights_applied" | "weights_failed":
                self._answered(message)
            case "end":
                async with self._changed:
                    self._ended = True
                    self._changed.notify_all()
            case "heartbeat":
                if "at_ms" in message:
                    self.heartbeat_delays_s.append(max(0.0, time.time() - message["at_ms"] / 1000))
            case _:
                pass  # what a newer server may add

    async def _welcomed(self, socket: ClientConnection, welcome: dict[str, Any]) -> None:
        expected = self.options.tokenizer_sha256
        if expected is not None and welcome["tokenizer_sha256"] != expected:
            raise FeedClosed(4400, f"the server's tokenizer is {welcome['tokenizer_sha256']}, not {expected}")
        if not self._begun:
            self._held = self._received = self._commit = welcome["commit"]
            self._begun = True
        self._parts = Parts()
        self._applied = None
        async with self._changed:
            self._socket = socket
            self.welcome = welcome
            self._changed.notify_all()
        for said in self._saying.values():
            await self._send({**said, "epoch": welcome["epoch"]})
        await self._send_update()
        for nack in self._nacks:
            await self._send(nack)
        self._nacks.clear()
        self._owed_groups = self._owed_bytes = 0
        groups = self.options.window_groups - sum(held.groups for held in self._items)
        size = self.options.window_bytes - sum(held.size for held in self._items)
        if groups > 0:
            await self._send({"type": "credit", "groups": groups, "bytes": max(size, 1)})

    async def _group(self, message: bytes) -> None:
        started = time.thread_time()
        fields = self._parts.joined(cbor.loads(unpacked(message)), len(message))
        if fields is None:
            self.decode_s += time.thread_time() - started
            return
        whole, size = fields
        reason = ""
        try:
            item: Group | Dropped = group_of(whole, self.welcome.get("vocab_size"))
        except (BadGroup, KeyError, TypeError) as e:
            reason = str(e)
            item = Dropped(whole["seq"], whole["group"], f"refused: {reason}")
        self.decode_s += time.thread_time() - started
        if reason:
            await self.nack(item.seq, reason)
        await self._arrived(item, 1, size)

    async def _arrived(self, item: Group | Dropped, groups: int, size: int) -> None:
        if item.seq <= self._held:
            return
        if item.seq != self._held + 1:
            raise FeedClosed(1002, f"seq {item.seq} came after {self._held}")
        async with self._changed:
            self._held = item.seq
            self._items.append(_Held(item, groups, size))
            self._changed.notify_all()

    def _answered(self, message: Mapping[str, Any]) -> None:
        update = self._update
        if update is None or update.answer.done():
            return
        published = update.published
        if message["type"] == "weights_applied":
            self._applied = message["version"]
        if (message.get("lineage"), message.get("version")) == (published.lineage, published.version):
            update.answer.set_result(message)

    async def _say(self, message: dict[str, Any]) -> None:
        """A cursor: cumulative, so only the newest is said again after a reconnect."""
        self._saying[message["type"]] = message
        await self._send({**message, "epoch": self.welcome["epoch"]})

    async def _send_update(self) -> None:
        update, socket = self._update, self._socket
        if update is None or update.answer.done() or socket is None or update.sent_over is socket:
            return
        update.sent_over = socket
        body = {"type": "weights", "run": self.options.run, "epoch": self.welcome["epoch"]}
        body |= {**update.published.message(), **update.settings}
        if update.stream:
            body["uri"] = "feed:"
            with suppress(ConnectionClosed):
                await self._send_files(socket, update.published)
        if socket is self._socket:
            await self._send(body)

    @staticmethod
    async def _send_files(socket: ClientConnection, published: Published) -> None:
        for path in sorted(published.folder.iterdir()):
            head = {"type": "weights_file", "lineage": published.lineage, "version": published.version}
            await socket.send(json.dumps({**head, "file": path.name, "size": path.stat().st_size}))
            with open(path, "rb") as file:
                while piece := file.read(PIECE):
                    await socket.send(piece)

    async def _send(self, message: Mapping[str, Any]) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(json.dumps(message))

    async def _lost(self, error: Exception) -> None:
        if isinstance(error, InvalidStatus) and error.response.status_code in (400, 401, 403, 404):
            why = message_of(bytes(error.response.body or b""))
            await self._over(4400, f"the server answered {error.response.status_code}: {why}")
        if isinstance(error, ConnectionClosed):
            close = error.rcvd
            if close is not None and close.code in _FINAL:
                if self._ended and close.code == 1000:
                    return await self._over(1000, "the run has ended")
                await self._over(close.code, close.reason or "the server closed the feed")

    async def _over(self, code: int, reason: str) -> None:
        async with self._changed:
            self._closed = FeedClosed(code, reason)
            self._changed.notify_all()
        if self._update is not None and not self._update.answer.done():
            self._update.answer.set_exception(self._closed)
