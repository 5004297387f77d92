"""The feed for trainers that block: it lives on a thread of its own, so that its heartbeat goes on during a step."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from turnstone.feed import AsyncFeed, FeedOptions
from turnstone.group import Dropped, Group
from turnstone.weights import Published

T = TypeVar("T")


class Feed:
    """A run's groups, in order of seq. Use it as a context manager and iterate over it; any thread may call it.

        with Feed("http://127.0.0.1:8000", run="demo", consumer="trainer-0", commit=184) as feed:
            for item in feed:
                ...
    """

    def __init__(self, server: str, run: str, consumer: str, **options: Any) -> None:
        self.options = FeedOptions(server, run, consumer, **options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"feed {run}", daemon=True)
        self._feed = AsyncFeed(self.options)

    def __enter__(self) -> Feed:
        self._thread.start()
        try:
            self._call(self._feed.__aenter__(), self.options.patience + 10)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Says goodbye after what was sent, and ends the thread."""
        if self._thread.is_alive():
            try:
                self._call(self._feed.close(), 30)
            finally:
                self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    @property
    def welcome(self) -> Mapping[str, Any]:
        """What the server said last when it took this trainer in; its epoch changes with every connection."""
        return self._feed.welcome

    @property
    def version(self) -> int:
        """The policy version that the server serves, as far as it has said."""
        return self._feed.version

    @property
    def decode_s(self) -> float:
        """Processor seconds spent on decoding and checking groups."""
        return self._feed.decode_s

    @property
    def heartbeat_delays_s(self) -> Sequence[float]:
        """How late the server's last heartbeats came, by the two clocks."""
        return list(self._feed.heartbeat_delays_s)

    def __iter__(self) -> Iterator[Group | Dropped]:
        while (item := self.take()) is not None:
            yield item

    def take(self, timeout: float | None = None) -> Group | Dropped | None:
        """The next of the feed, or `None` when nothing will follow.

        Raises `TimeoutError` if none came in time, and `FeedClosed` if the feed broke off. A timeout loses nothing.
        """
        return self._call(self._feed.take(timeout), None)

    def trained(self, seq: int, version: int) -> None:
        """The step over groups up to `seq` is done; it made `version`. Frees admission."""
        self._call(self._feed.trained(seq, version))

    def commit(self, seq: int, version: int, checkpoint: str) -> None:
        """Groups up to `seq` are in a durable checkpoint that holds `version`; they never come again."""
        self._call(self._feed.commit(seq, version, checkpoint))

    def nack(self, seq: int, reason: str) -> None:
        """A group cannot be trained; the server quarantines it."""
        self._call(self._feed.nack(seq, reason))

    def stats(self, figures: Mapping[str, Any]) -> None:
        """Figures of a step, for people."""
        self._call(self._feed.stats(figures))

    def weights(
        self, published: Published, timeout: float | None = None, *, stream: bool = False, **settings: Any
    ) -> Mapping[str, Any]:
        """Sends new weights and waits until they serve; `stream` sends their files, too, for a server elsewhere. Raises
        `WeightsFailed` if they are refused."""
        return self._call(self._feed.weights(published, timeout, stream=stream, **settings), None)

    def _call(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = 60.0) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout)
        except FutureTimeout:
            future.cancel()
            raise
