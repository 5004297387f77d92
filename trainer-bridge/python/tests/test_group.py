from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from conftest import cbor, group, row

from turnstone import group_advantages
from turnstone.cbor import CborError, loads
from turnstone.group import BadGroup, decode_group

GOLDEN = Path(__file__).parents[2] / "src/test/resources/dev/turnstone/trainerbridge"


def test_the_frame_that_the_server_is_tested_with_is_read() -> None:
    (path,) = GOLDEN.rglob("group.cbor.hex")
    decoded = decode_group(bytes.fromhex(path.read_text().replace("\n", "")))
    assert decoded.group == "g-1"
    assert len(decoded.rows) >= decoded.delivered
    for r in decoded.rows:
        assert len(r.ids) == len(r.mask) == len(r.logprobs) == len(r.versions.expand()) == len(r.turns.expand())


def test_advantages_of_tokens_are_read() -> None:
    (path,) = GOLDEN.rglob("group-advantages.cbor.hex")
    decoded = decode_group(bytes.fromhex(path.read_text().replace("\n", "")))
    runs = decoded.rows[0].advantages
    assert runs is not None and runs.expand().tolist() == [0, 0, 0.5, 0.5, 0, -1.25]
    assert decoded.rows[1].advantages is None


def test_arrays_are_views_of_the_message() -> None:
    message = cbor(group(1))
    decoded = decode_group(message)
    memory = np.frombuffer(message, np.uint8)
    for array in (decoded.rows[0].ids, decoded.rows[0].mask, decoded.rows[0].logprobs):
        assert np.shares_memory(array, memory)


def test_runs_expand_to_one_value_per_token() -> None:
    decoded = decode_group(cbor(group(1)))
    assert decoded.rows[0].versions.expand().tolist() == [-1, -1, 3, 3, 3, 3]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mask": np.zeros(5, np.uint8)}, "6 ids, 5 mask values"),
        ({"ids": np.full(6, 100, np.int32)}, "an id outside 0 to 99"),
        ({"mask": np.ones(6, np.uint8)}, "the first token cannot be trained"),
        ({"logprobs": np.full(6, np.nan, np.float32)}, "not finite"),
        ({"logprobs": np.full(6, -1, np.float32)}, "where nothing was sampled"),
    ],
)
def test_a_row_that_breaks_an_invariant_is_refused(changes: dict[str, object], why: str) -> None:
    message = cbor(group(1, rows=[row(0, 1.0, **changes)], expected=1, delivered=1))
    with pytest.raises(BadGroup, match=why):
        decode_group(message, vocab_size=100)


def test_every_rollout_is_delivered_or_failed() -> None:
    with pytest.raises(BadGroup, match="expected 3, delivered 2"):
        decode_group(cbor(group(1, expected=3)))


def test_no_bytes_make_it_fail_otherwise() -> None:
    message = cbor(group(1))
    generator = random.Random(1)
    for _ in range(3000):
        data = bytearray(message[: generator.randrange(len(message) + 1)])
        for _ in range(generator.randrange(4)):
            if data:
                data[generator.randrange(len(data))] = generator.randrange(256)
        try:
            decode_group(bytes(data), 100)
        except (CborError, BadGroup, ValueError):
            pass


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(CborError, match="nested deeper"):
        loads(b"\x81" * 5000 + b"\x00")


def test_the_baseline_is_over_scored_rollouts() -> None:
    assert group_advantages({0: 1.0, 1: None, 2: 0.0}, "none") == {0: 0.5, 1: 0.0, 2: -0.5}
    assert group_advantages({0: 1.0, 1: 1.0}) == {0: 0.0, 1: 0.0}
    assert group_advantages({0: 1.0, 1: None}) == {0: 0.0, 1: 0.0}
    rewards = dict(enumerate([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]))
    assert group_advantages(rewards)[0] == pytest.approx(1.2076123955, abs=1e-9)
    assert group_advantages(rewards, "biased", 1e-8)[0] == pytest.approx(1.2909944220, abs=1e-9)
