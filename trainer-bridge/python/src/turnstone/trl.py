"""Turnstone as the rollout worker and the weight transfer of TRL's `AsyncGRPOTrainer`.

    feed = Feed(server, run="demo", consumer="trl", ...).__enter__()
    trainer = AsyncGRPOTrainer(
        ..., rollout_worker=RolloutWorker(feed), weight_transfer=WeightTransfer(feed, directory, lineage="trl")
    )

The advantage is the server's if the run names an algorithm that has one per rollout; else it is computed here, as TRL's
own worker does it (biased spread, 1e-8). TRL has no importance correction, so keep the run's `max_staleness` small.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import torch
from trl.experimental.async_grpo.async_rollout_worker import RolloutSample

from turnstone.advantages import Spread
from turnstone.collate import Sample, samples
from turnstone.group import Dropped, Group
from turnstone.threaded import Feed
from turnstone.weights import publish

log = logging.getLogger(__name__)


class Handed(queue.Queue[RolloutSample]):
    """Samples on their way to TRL; knows the last group of which TRL has taken every sample."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.taken = 0

    def get(self, block: bool = True, timeout: float | None = None) -> RolloutSample:
        sample = super().get(block, timeout)
        # A group's samples come one after another, so the one before is whole when the next one begins.
        self.taken = max(self.taken, sample.group_id - 1)
        return sample


class RolloutWorker:
    """TRL's `RolloutWorkerProtocol` over a feed: groups come in, `RolloutSample`s go out.

    The feed's cursors follow TRL one step behind: its data loader reads a batch ahead, so only what it had taken when
    the version before went live is sure to be trained.
    """

    def __init__(self, feed: Feed, spread: Spread = "biased", epsilon: float = 1e-8, buffered: int = 1024) -> None:
        self.rollout_buffer = Handed(buffered)
        self.metrics_queue: queue.Queue[dict[str, Any]] = queue.Queue()
        self._feed = feed
        self._spread = spread
        self._epsilon = epsilon
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._last = time.monotonic()
        self._taken = 0
        self._trained = 0
        self._version = 0
        self._thread = threading.Thread(target=self._pump, name="turnstone rollouts", daemon=True)

    def start(self) -> None:
        """Begins to take groups."""
        self._thread.start()

    def stop(self) -> None:
        """Stops taking groups; what is buffered stays."""
        self._stopping.set()
        self._thread.join(30)

    def update_model_version(self, model_version: int) -> None:
        """A version is live: what TRL had taken when the one before went live is trained into it."""
        self._version = model_version
        self._trained, self._taken = self._taken, self.rollout_buffer.taken
        if self._trained:
            self._feed.trained(self._trained, self._feed.version)

    def commit(self, checkpoint: str) -> None:
        """What is trained so far is in a durable checkpoint; call it from a callback's `on_save`."""
        if self._trained:
            self._feed.commit(self._trained, self._feed.version, checkpoint)

    def check_health(self, stale_after_s: float) -> None:
        """Raises if the feed broke off, or nothing came for so long."""
        if self._failure is not None:
            raise RuntimeError(f"the feed ended: {self._failure}") from self._failure
        silent = time.monotonic() - self._last
        if silent > stale_after_s:
            raise RuntimeError(f"no group came from {self._feed.options.server} for {silent:.0f} s")

    def _pump(self) -> None:
        """Takes groups until it is stopped. Whatever ends it is what `check_health` tells."""
        try:
            while not self._stopping.is_set():
                try:
                    item = self._feed.take(timeout=1.0)
                except TimeoutError:
                    continue
                if item is None:
                    raise EOFError("the run has no more tasks")
                self._last = time.monotonic()
                self._take(item)
        except Exception as e:
            self._failure = e

    def _take(self, item: Group | Dropped) -> None:
        if isinstance(item, Dropped):
            log.info("group %s was dropped: %s", item.group, item.reason)
            return
        for sample in samples(item, self._spread, self._epsilon):
            if sample.advantage is None:
                raise ValueError(
                    f"group {item.group} has advantages per token and TRL takes one per row: create the run with"
                    " another algorithm in advantages, or without"
                )
            self._put(self._sample(item, sample, sample.advantage))

    def _put(self, sample: RolloutSample) -> None:
        while not self._stopping.is_set():
            try:
                return self.rollout_buffer.put(sample, timeout=1.0)
            except queue.Full:
                self._last = time.monotonic()

    def _sample(self, group: Group, sample: Sample, advantage: float) -> RolloutSample:
        row = sample.row
        prompt = list(group.task.get("messages", []))
        reward = row.reward if row.reward is not None else float("nan")
        age = max(0, self._feed.version - group.version_min)
        return RolloutSample(
            prompt=prompt,
            completion=[],
            input_ids=row.ids,
            completion_mask=row.mask,
            old_log_probs=row.logprobs,
            advantage=advantage,
            model_version=self._version - age,
            group_id=group.seq,
            metrics={"reward": reward, **{f"rewards/{name}": value for name, value in row.reward_parts.items()}},
            enqueued_at=time.time(),
        )


class WeightTransfer:
    """TRL's `WeightTransferProtocol` by published folders: written under a directory that the server may read, then
    announced over the feed. The server pauses itself, so there is nothing to pause here."""

    def __init__(
        self, feed: Feed, directory: str, lineage: str, dtype: torch.dtype = torch.float32, timeout: float = 600.0
    ) -> None:
        self._feed = feed
        self._directory = directory
        self._lineage = lineage
        self._dtype = dtype
        self._timeout = timeout
        self.version = feed.version

    def init_weight_transfer(self) -> None:
        """Nothing to set up."""

    def pause(self) -> None:
        """The server pauses itself."""

    def send_weights(self, iterator: Iterator[tuple[str, torch.Tensor]]) -> None:
        """Publishes one version. The iterator is always read to its end, since other ranks take part in it."""
        tensors = {name: tensor.detach().to(self._dtype).cpu() for name, tensor in iterator}
        if "lm_head.weight" in tensors and "model.embed_tokens.weight" in tensors:
            embedding = tensors["model.embed_tokens.weight"]
            head = tensors["lm_head.weight"]
            if head.shape == embedding.shape and torch.equal(head, embedding):
                del tensors["lm_head.weight"]
        self.version += 1
        published = publish(self._directory, self._lineage, self.version, tensors)
        self._feed.weights(published, self._timeout)

    def resume(self) -> None:
        """The server resumes itself."""

    def destroy(self) -> None:
        """The feed has its own owner."""
