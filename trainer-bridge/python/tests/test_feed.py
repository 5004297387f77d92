from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import FakeServer, group, row

from turnstone import AsyncFeed, Dropped, Feed, FeedClosed, FeedOptions, publish
from turnstone.feed import WeightsFailed


def feed(server: FakeServer, **options: object) -> Feed:
    return Feed(server.url, "demo", "test", patience=10, **options)


def test_groups_come_in_order_and_are_acknowledged(server: FakeServer) -> None:
    server.messages = [group(1), {"type": "dropped", "seq": 2, "group": "g-2", "reason": "zero_variance"}, group(3)]
    with feed(server) as f:
        items = list(f)
        f.trained(3, 4)
        f.commit(3, 4, "step-1")
        assert server.wait_for("commit") == {
            "type": "commit", "seq": 3, "version": 4, "checkpoint": "step-1", "epoch": 1,
        }  # fmt: skip
    assert [item.seq for item in items] == [1, 2, 3]
    assert isinstance(items[1], Dropped)
    assert [m["seq"] for m in server.heard if m["type"] == "received"][-1] == 3
    assert next(m for m in server.heard if m["type"] == "trained")["version"] == 4


def test_a_cut_connection_loses_nothing_and_repeats_nothing(server: FakeServer) -> None:
    server.messages = [group(seq) for seq in range(1, 30)]
    server.cut_after = {3, 4, 17}
    with feed(server, window_groups=5) as f:
        first = f.take()
        f.trained(1, 4)
        seqs = [first.seq] + [item.seq for item in f]
        epoch = f.welcome["epoch"]
    assert seqs == list(range(1, 30))
    assert epoch == 4
    resumes = [hello["resume"]["held"] for hello in server.hellos[1:]]
    assert len(resumes) == 3 and all(held <= cut for held, cut in zip(resumes, (3, 4, 17), strict=True))
    assert [m["epoch"] for m in server.heard if m["type"] == "trained"][-1] == 4


def test_a_trainer_resumes_from_its_checkpoint(server: FakeServer) -> None:
    server.messages = [group(seq) for seq in range(1, 8)]
    with feed(server, commit=5) as f:
        assert [item.seq for item in f] == [6, 7]
    assert server.hellos[0]["resume"] == {"commit": 5, "held": 5}


def test_no_more_than_the_window_comes_ahead(server: FakeServer) -> None:
    server.messages = [group(seq) for seq in range(1, 50)]
    with feed(server, window_groups=2) as f:
        f.take()
        server.wait_for("received")
        credit = sum(m["groups"] for m in server.heard if m["type"] == "credit")
        assert credit <= 3


def test_what_the_server_dropped_gives_no_credit(server: FakeServer) -> None:
    dropped = [{"type": "dropped", "seq": seq, "group": f"g-{seq}", "reason": "zero_variance"} for seq in range(1, 20)]
    server.messages = [*dropped, group(20)]
    with feed(server, window_groups=2) as f:
        assert len(list(f)) == 20
    assert sum(m["groups"] for m in server.heard if m["type"] == "credit") == 3


def test_parts_of_a_large_group_come_as_one(server: FakeServer) -> None:
    rows = [row(i, float(i)) for i in range(3)]
    whole = group(1, rows=rows, expected=3, delivered=3)
    server.messages = [[{**whole, "rows": [r], "part": i, "parts": 3} for i, r in enumerate(rows)], group(2)]
    with feed(server) as f:
        items = list(f)
    assert [len(item.rows) for item in items] == [3, 2]


def test_a_group_that_breaks_an_invariant_is_refused_by_name(server: FakeServer) -> None:
    bad = row(0, 1.0, logprobs=np.full(6, 0.5, np.float32))
    server.messages = [group(1, rows=[bad], expected=1, delivered=1), group(2)]
    with feed(server) as f:
        items = list(f)
        nack = server.wait_for("nack")
    assert isinstance(items[0], Dropped)
    assert items[0].reason == "refused: row 0: a log-probability that is not finite or above 0"
    assert (nack["seq"], items[1].seq) == (1, 2)


def test_a_refusal_says_why(server: FakeServer) -> None:
    server.refuse = (4400, "run demo has ended")
    with pytest.raises(FeedClosed, match=r"run demo has ended \(4400\)"), feed(server):
        pass


def test_another_tokenizer_is_refused(server: FakeServer) -> None:
    with pytest.raises(FeedClosed, match="the server's tokenizer is t, not mine"), feed(server, tokenizer_sha256="mine"):
        pass


def test_a_timeout_loses_nothing(server: FakeServer) -> None:
    server.end = False
    with feed(server) as f:
        with pytest.raises(TimeoutError, match="no group of run demo came within 0.05 s"):
            f.take(timeout=0.05)
        server.messages = [group(1)]
        f.nack(0, "wake the fake")
        assert f.take(timeout=10).seq == 1


def test_the_heartbeat_goes_on_while_the_trainer_is_busy(server: FakeServer) -> None:
    server.end = False
    with feed(server, heartbeat_s=0.02):
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            sum(range(10_000))
    assert sum(m["type"] == "heartbeat" for m in server.heard) >= 5


def test_weights_serve_or_are_refused(server: FakeServer, tmp_path: Path) -> None:
    server.end = False
    tensors = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}
    with feed(server) as f:
        assert f.weights(publish(tmp_path, "demo", 4, tensors), kv="keep")["load_ms"] == 5
        assert server.wait_for("weights")["kv"] == "keep"
        with pytest.raises(WeightsFailed, match="version 3 is not new"):
            f.weights(publish(tmp_path, "demo", 3, tensors))


def test_weights_can_come_over_the_feed(server: FakeServer, tmp_path: Path) -> None:
    server.end = False
    published = publish(tmp_path, "demo", 4, {"w": np.zeros(1 << 19, np.float32)})
    with feed(server, heartbeat_s=60) as f:
        f.weights(published, stream=True)
    sent = server.wait_for("weights")
    assert (sent["uri"], sent["manifest_sha256"]) == ("feed:", published.manifest_sha256)
    assert server.files == {path.name: path.read_bytes() for path in published.folder.iterdir()}


def test_files_go_once_over_a_connection_whoever_asks(server: FakeServer, tmp_path: Path) -> None:
    server.end = False
    published = publish(tmp_path, "demo", 4, {"w": np.zeros(1 << 19, np.float32)})

    async def send() -> None:
        async with AsyncFeed(FeedOptions(server.url, "demo", "test", patience=10)) as f:
            # A reconnect sends what waits, too.
            await asyncio.gather(f.weights(published, stream=True), f._send_update())

    asyncio.run(send())
    assert [m["file"] for m in server.heard if m["type"] == "weights_file"] == ["manifest.json", "model.safetensors"]
    assert server.files == {path.name: path.read_bytes() for path in published.folder.iterdir()}


def test_compressed_groups_are_unpacked(server: FakeServer) -> None:
    pytest.importorskip("zstandard")
    server.compress = True
    server.messages = [group(1), group(2)]
    with feed(server, compress=True) as f:
        assert [item.seq for item in f] == [1, 2]
    assert server.hellos[0]["compress"] == ["zstd"]
