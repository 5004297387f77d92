"""TRL's rollout worker over a feed."""

from __future__ import annotations

import os

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

import numpy as np
import pytest
from conftest import FakeServer, group, row

pytest.importorskip("trl")

from turnstone import Feed
from turnstone.trl import RolloutWorker


def failure(server: FakeServer) -> str:
    """What a worker says that came to the end of what the server sends."""
    with Feed(server.url, "demo", consumer="test") as feed:
        worker = RolloutWorker(feed)
        worker.start()
        worker._thread.join(20)
        with pytest.raises(RuntimeError) as told:
            worker.check_health(3600)
        return str(told.value)


def test_rows_become_samples(server: FakeServer) -> None:
    server.messages = [group(1, advantages={"0": 0.25, "1": -0.25}), group(2)]
    with Feed(server.url, "demo", consumer="test") as feed:
        worker = RolloutWorker(feed)
        worker.start()
        got = [worker.rollout_buffer.get(timeout=10) for _ in range(4)]
        worker.stop()
    assert [s.group_id for s in got] == [1, 1, 2, 2]
    assert [s.advantage for s in got] == pytest.approx([0.25, -0.25, 1, -1])
    assert [s.metrics["reward"] for s in got] == [1, 0, 1, 0]
    for s in got:
        assert len(s.input_ids) == len(s.completion_mask) == len(s.old_log_probs)


def test_the_end_of_the_run_is_told(server: FakeServer) -> None:
    server.messages = [group(1)]
    assert failure(server) == "the feed ended: the run has no more tasks"


def test_advantages_of_tokens_are_refused_by_name(server: FakeServer) -> None:
    runs = {"starts": np.array([0, 2], np.int32), "values": np.array([0, 0.5], np.float32)}
    server.messages = [group(1, rows=[row(0, 1.0, advantages=runs), row(1, 0.0, advantages=runs)])]
    assert "group g-1 has advantages per token and TRL takes one per row" in failure(server)


def test_what_nobody_thought_of_is_told_too(server: FakeServer) -> None:
    server.messages = [group(1, task={"messages": 3, "data": {}, "environment": "python"})]
    assert "'int' object is not iterable" in failure(server)
