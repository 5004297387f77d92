from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import cbor, group, row

from turnstone import publish
from turnstone.group import Group, decode_group

torch = pytest.importorskip("torch")

from turnstone import collate, verl  # noqa: E402


def decoded(**changes: object) -> Group:
    return decode_group(cbor(group(1, **changes)))


def two_lengths() -> Group:
    return decoded(rows=[row(0, 1.0), row(1, 0.0, length=9)])


def test_padding_is_neither_attended_nor_trained() -> None:
    batch = collate.pad(collate.samples(two_lengths()), pad_id=7)
    assert batch["input_ids"].shape == (2, 9)
    assert batch["input_ids"][0, 6:].tolist() == [7, 7, 7]
    assert batch["attention_mask"].sum(1).tolist() == [6, 9]
    assert batch["mask"].sum(1).tolist() == [4, 7]
    assert batch["temperatures"][0].tolist() == pytest.approx([0.7] * 6 + [1] * 3)
    assert batch["advantages"].sum().item() == pytest.approx(0)


def test_packed_rows_start_again() -> None:
    batch = collate.pack(collate.samples(two_lengths()))
    assert batch["cu_seqlens"].tolist() == [0, 6, 15]
    assert batch["position_ids"][0].tolist() == [*range(6), *range(9)]
    assert batch["mask"][0, [0, 6]].tolist() == [0, 0]
    assert batch["advantages"].shape == (1, 15)


def test_the_servers_advantages_are_used_if_it_sent_them() -> None:
    got = collate.samples(decoded(advantages={"0": 0.25, "1": -0.25}))
    assert [s.advantage for s in got] == [0.25, -0.25]


def test_advantages_of_tokens_are_the_servers() -> None:
    runs = {"starts": np.array([0, 2, 4], np.int32), "values": np.array([0, 0.5, -1], np.float32)}
    got = collate.samples(decoded(rows=[row(0, 1.0, advantages=runs), row(1, 0.0, length=9, advantages=runs)]))
    assert [s.advantage for s in got] == [None, None]
    assert collate.pad(got)["advantages"].tolist() == [[0, 0, 0.5, 0.5, -1, -1, 0, 0, 0], [0, 0, 0.5, 0.5, *[-1] * 5]]
    assert collate.pack(got)["advantages"][0, :6].tolist() == [0, 0, 0.5, 0.5, -1, -1]


def test_a_greedy_baseline_is_not_trained() -> None:
    got = collate.samples(decoded(rows=[row(0, 1.0), row(1, 0.0), row(2, 1.0, flags=["greedy"])], expected=3, delivered=3))
    assert [s.row.rollout for s in got] == [0, 1]
    assert sum(s.advantage for s in got) == pytest.approx(0)


def test_micro_batches_hold_every_row_once_within_the_budget() -> None:
    samples = collate.samples(decoded(rows=[row(i, float(i % 2), length=4 + i) for i in range(8)], expected=8, delivered=8))
    batches = collate.micro_batches(samples, 20)
    assert sorted(s.row.rollout for b in batches for s in b) == list(range(8))
    assert all(len(b) == 1 or len(b) * max(len(s.row) for s in b) <= 20 for b in batches)


def test_verl_gets_prompts_at_the_left_and_responses_at_the_right() -> None:
    data = verl.batch([two_lengths()], prompt_length=4, response_length=8, pad_id=0)
    tensors = data["tensors"]
    assert tensors["prompts"][0].tolist() == [0, 0, 1, 2]
    assert tensors["responses"][0].tolist() == [3, 4, 5, 6, 0, 0, 0, 0]
    assert tensors["attention_mask"][0].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert tensors["rm_scores"][0].nonzero().tolist() == [[3]]
    assert tensors["position_ids"][0, 2:8].tolist() == list(range(6))
    assert data["non_tensors"]["uid"].tolist() == ["g-1", "g-1"]


def test_verl_is_told_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="group g-1, row 1: response of 7 tokens, at most 4 fit"):
        verl.batch([two_lengths()], prompt_length=4, response_length=4, pad_id=0)


def test_published_weights_are_whole_and_read_back(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    tensors = {"a": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3), "b": torch.ones(3)}
    published = publish(tmp_path, "demo", 1, iter(tensors.items()))
    loaded = safetensors.load_file(published.folder / "model.safetensors")
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    manifest = json.loads((published.folder / "manifest.json").read_text())
    assert manifest["tensors"]["a"] == {"dtype": "BF16", "shape": [2, 3]}
    assert manifest["dtype"] == "mixed"
    for version in (2, 3):
        publish(tmp_path, "demo", version, {"w": np.zeros(2, np.float32)})
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["v2", "v3"]


def test_integers_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="weights of dtype int64"):
        publish(tmp_path, "demo", 1, {"w": np.zeros(2, np.int64)})
