"""Rows as torch tensors: padded to one length, or packed end to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from turnstone.advantages import Spread, group_advantages
from turnstone.group import Group, Row


@dataclass(frozen=True, slots=True)
class Sample:
    """A row to train with the advantage of its rollout; `None` where the server sent one per token."""

    row: Row
    advantage: float | None
    group: str

    def per_token(self) -> np.ndarray[Any, Any]:
        """The advantage of every token of the row; only that of trained ones means anything."""
        if self.row.advantages is not None:
            return self.row.advantages.expand().astype(np.float32)
        return np.full(len(self.row), self.advantage, np.float32)


def samples(group: Group, spread: Spread = "unbiased", epsilon: float = 1e-6) -> list[Sample]:
    """The trainable rows of a group. The server's advantages are used if it sent them, else they are computed here;
    the baseline is over rollouts, never over rows."""
    advantages: Mapping[int, float] = (
        group.advantages if group.advantages is not None else group_advantages(group.rewards, spread, epsilon)
    )
    return [
        Sample(row, advantages.get(row.rollout, 0.0) if row.advantages is None else None, group.group)
        for row in group.rows
        if row.trainable
    ]


def pad(batch: Sequence[Sample], pad_id: int = 0) -> dict[str, torch.Tensor]:
    """Right-padded tensors `[B, T]`: `input_ids`, `attention_mask`, `position_ids`, `mask` (tokens to train),
    `logprobs` (the rollout's), `temperatures`, `versions`, and `advantages`: `[B]`, or `[B, T]` if the server sent one
    per token.

    Position t of `mask`, `logprobs` and `temperatures` belongs to token t, which the model predicts at t - 1.
    """
    length = max(len(sample.row) for sample in batch)

    def filled(array: np.ndarray[Any, Any], fill: float) -> np.ndarray[Any, Any]:
        return np.pad(array, (0, length - len(array)), constant_values=fill)

    def stacked(name: str, fill: float, dtype: Any) -> torch.Tensor:
        return torch.from_numpy(np.stack([filled(_array(s.row, name), fill) for s in batch]).astype(dtype))

    return {
        "input_ids": stacked("ids", pad_id, np.int64),
        "attention_mask": torch.from_numpy(np.stack([np.arange(length) < len(s.row) for s in batch]).astype(np.int64)),
        "position_ids": torch.arange(length).expand(len(batch), length).contiguous(),
        "mask": stacked("mask", 0, np.float32),
        "logprobs": stacked("logprobs", 0, np.float32),
        "temperatures": stacked("temperatures", 1, np.float32),
        "versions": stacked("versions", -1, np.int64),
        "advantages": torch.tensor([s.advantage for s in batch], dtype=torch.float32)
        if all(s.advantage is not None for s in batch)
        else torch.from_numpy(np.stack([filled(s.per_token(), 0) for s in batch])),
    }


def pack(batch: Sequence[Sample]) -> dict[str, torch.Tensor]:
    """The same end to end, `[1, N]`: `position_ids` start again with every row, `cu_seqlens [B + 1]` says where rows
    begin, `advantages` is per token, and the first token of a row is never trained."""

    def joined(name: str, dtype: Any) -> torch.Tensor:
        return torch.from_numpy(np.concatenate([_array(s.row, name) for s in batch]).astype(dtype))[None]

    lengths = [len(s.row) for s in batch]
    return {
        "input_ids": joined("ids", np.int64),
        "position_ids": torch.from_numpy(np.concatenate([np.arange(n) for n in lengths]))[None],
        "cu_seqlens": torch.from_numpy(np.cumsum([0, *lengths]).astype(np.int32)),
        "mask": joined("mask", np.float32),
        "logprobs": joined("logprobs", np.float32),
        "temperatures": joined("temperatures", np.float32),
        "versions": joined("versions", np.int64),
        "advantages": torch.from_numpy(np.concatenate([s.per_token() for s in batch]))[None],
    }


def micro_batches(batch: Sequence[Sample], tokens: int) -> list[list[Sample]]:
    """Splits samples into lists of at most so many padded tokens, rows of similar length together. A longer row gets
    one of its own."""
    batches: list[list[Sample]] = []
    for sample in sorted(batch, key=lambda s: len(s.row)):
        if batches and (len(batches[-1]) + 1) * len(sample.row) <= tokens:
            batches[-1].append(sample)
        else:
            batches.append([sample])
    return batches


def _array(row: Row, name: str) -> np.ndarray[Any, Any]:
    value = getattr(row, name)
    return value if isinstance(value, np.ndarray) else value.expand()
