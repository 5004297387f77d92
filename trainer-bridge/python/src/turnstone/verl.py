"""Groups of a feed as the tensors of verl's `DataProto`: prompts padded at the left, responses at the right.

    data = DataProto.from_dict(**batch(groups, prompt_length=1024, response_length=4096, pad_id=tokenizer.pad_token_id))
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from turnstone.group import Group, Row


def batch(groups: Sequence[Group], prompt_length: int, response_length: int, pad_id: int) -> dict[str, Any]:
    """`{"tensors": ..., "non_tensors": ...}` of `DataProto.from_dict`, one entry per row.

    Tensors are `prompts [B, P]`, `responses [B, R]`, `response_mask`, `rollout_log_probs`, `rm_scores` (the reward on
    the last response token), `input_ids`, `attention_mask` and `position_ids` `[B, P + R]`. The mask is 1 where the
    policy sampled. `uid` groups rollouts; `rollout_id` groups the rows of one.

    Raises `ValueError` for a row that does not fit, naming it: nothing is cut silently.
    """
    rows = [(group, row) for group in groups for row in group.rows if row.reward is not None and row.trainable]
    if not rows:
        raise ValueError("no row of these groups can be trained")
    size, total = len(rows), prompt_length + response_length
    prompts = np.full((size, prompt_length), pad_id, np.int64)
    responses = np.full((size, response_length), pad_id, np.int64)
    mask = np.zeros((size, response_length), np.int64)
    logprobs = np.zeros((size, response_length), np.float32)
    scores = np.zeros((size, response_length), np.float32)
    attention = np.zeros((size, total), np.int64)
    for i, (group, row) in enumerate(rows):
        p, r = _lengths(group, row, prompt_length, response_length)
        prompts[i, prompt_length - p :] = row.ids[:p]
        responses[i, :r] = row.ids[p:]
        mask[i, :r] = row.mask[p:]
        logprobs[i, :r] = row.logprobs[p:] * row.mask[p:]
        scores[i, r - 1] = row.reward
        attention[i, prompt_length - p : prompt_length + r] = 1
    return {
        "tensors": {
            "prompts": torch.from_numpy(prompts),
            "responses": torch.from_numpy(responses),
            "response_mask": torch.from_numpy(mask),
            "rollout_log_probs": torch.from_numpy(logprobs),
            "rm_scores": torch.from_numpy(scores),
            "input_ids": torch.from_numpy(np.concatenate([prompts, responses], 1)),
            "attention_mask": torch.from_numpy(attention),
            "position_ids": torch.from_numpy(np.maximum(np.cumsum(attention, 1) - 1, 0)),
        },
        "non_tensors": {
            "uid": np.array([group.group for group, _ in rows], dtype=object),
            "rollout_id": np.array([f"{group.group}/{row.rollout}" for group, row in rows], dtype=object),
            "min_global_steps": np.array([group.version_min for group, _ in rows], dtype=object),
            "max_global_steps": np.array([group.version_max for group, _ in rows], dtype=object),
        },
    }


def load(folder: str | Path) -> dict[str, Any]:
    """What `turnstone log export --format verl` wrote, as the keyword arguments of `DataProto.from_dict`."""
    from safetensors.torch import load_file

    lines = [json.loads(line) for line in (Path(folder) / "non_tensor_batch.jsonl").read_text().splitlines()]
    return {
        "tensors": load_file(Path(folder) / "batch.safetensors"),
        "non_tensors": {name: np.array([line[name] for line in lines], dtype=object) for name in (lines or [{}])[0]},
    }


def _lengths(group: Group, row: Row, prompt_length: int, response_length: int) -> tuple[int, int]:
    p, r = row.prompt_length, len(row) - row.prompt_length
    for name, actual, most in (("prompt", p, prompt_length), ("response", r, response_length)):
        if actual > most:
            raise ValueError(f"group {group.group}, row {row.row}: {name} of {actual} tokens, at most {most} fit")
    return p, r
