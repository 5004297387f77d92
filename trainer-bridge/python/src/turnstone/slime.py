"""Turnstone as slime's rollout function: `--rollout-function-path turnstone.slime.generate_rollout`.

Reads `TURNSTONE_SERVER`, `TURNSTONE_RUN` and, for a server with keys, `TURNSTONE_API_KEY`. Tasks come from the run, so
slime's data source is not asked. One feed lives for the whole process.
"""

from __future__ import annotations

import os
from typing import Any

from turnstone.group import Dropped, Group, Row
from turnstone.threaded import Feed

_feeds: list[Feed] = []


def feed() -> Feed:
    """The process's feed, opened when first asked for."""
    if not _feeds:
        opened = Feed(
            os.environ["TURNSTONE_SERVER"],
            os.environ["TURNSTONE_RUN"],
            consumer=f"slime-{os.getpid()}",
            api_key=os.environ.get("TURNSTONE_API_KEY"),
        )
        _feeds.append(opened.__enter__())
    return _feeds[0]


def generate_rollout(args: Any, rollout_id: int, data_source: Any, evaluation: bool = False) -> Any:
    """`args.rollout_batch_size` groups as slime's `list[list[Sample]]`."""
    from slime.rollout.base_types import RolloutFnTrainOutput

    if evaluation:
        raise ValueError("evaluate with a run of its own: Turnstone's feed carries training groups")
    groups: list[list[Any]] = []
    dropped = 0
    while len(groups) < args.rollout_batch_size:
        item = feed().take()
        if item is None:
            raise EOFError(f"run {feed().options.run} has no more tasks")
        if isinstance(item, Dropped):
            dropped += 1
            continue
        groups.append(samples(item))
    return RolloutFnTrainOutput(samples=groups, metrics={"rollout/dropped_groups": dropped})


def samples(group: Group) -> list[Any]:
    """One slime `Sample` per row; the rows of one rollout share a `rollout_id`."""
    from slime.utils.types import Sample

    return [_fill(Sample(), group, row) for row in group.rows if "greedy" not in row.flags]


def _fill(sample: Any, group: Group, row: Row) -> Any:
    start = row.prompt_length
    sample.group_index = group.seq
    sample.index = row.row
    sample.rollout_id = f"{group.group}/{row.rollout}"
    sample.tokens = row.ids.tolist()
    sample.response_length = len(row) - start
    sample.loss_mask = row.mask[start:].tolist()
    sample.rollout_log_probs = row.logprobs[start:].tolist()
    sample.reward = row.reward
    sample.remove_sample = row.reward is None
    sample.weight_versions = [str(v) for v in row.versions.values if v >= 0]
    truncated = row.stop in ("max_tokens", "context_overflow", "timeout")
    sample.status = sample.Status.TRUNCATED if truncated else sample.Status.COMPLETED
    sample.metadata = {"group": group.group, "stop": row.stop, **dict(group.task.get("data") or {})}
    return sample
