"""What the feed delivers: groups of rows, as arrays that share the message's memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnstone import cbor

NOT_SAMPLED = -1
"""Version and turn of a token that the policy did not sample."""

_LOWEST = float(np.finfo(np.float32).min)


class BadGroup(ValueError):
    """A group that breaks an invariant; it must be refused, never repaired."""


@dataclass(frozen=True, slots=True)
class Runs:
    """An array of one length as runs: `values[i]` holds from `starts[i]` to the next start."""

    starts: NDArray[np.int32]
    values: NDArray[Any]
    length: int

    def spans(self, value: int) -> Iterator[tuple[int, int]]:
        """Where the array has this value: first positions and the ones after the last."""
        starts = [*self.starts.tolist(), self.length]
        for i, other in enumerate(self.values.tolist()):
            if other == value:
                yield starts[i], starts[i + 1]

    def expand(self) -> NDArray[Any]:
        """One value per token."""
        return np.repeat(self.values, np.diff(self.starts, append=self.length))


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One branch of one rollout: flat arrays of one length T.

    Where a token was not sampled: mask 0, log-probability 0.0, version and turn -1.
    """

    row: int
    rollout: int
    rollout_attempt: int
    branch: int
    ids: NDArray[np.int32]
    mask: NDArray[np.uint8]
    logprobs: NDArray[np.float32]
    versions: Runs
    turns: Runs
    temperatures: Runs
    reward: float | None
    reward_parts: Mapping[str, float]
    turn_rewards: Sequence[float | None]
    stop: str
    prompt_length: int
    flags: tuple[str, ...]
    sampler: Mapping[str, Any] | None = None
    advantages: Runs | None = None
    """One per token, 0 where nothing is trained: if the run's algorithm has more than one in a rollout."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def trainable(self) -> bool:
        """Whether any of its tokens is trained: it has a mask, and is not a greedy baseline."""
        return "greedy" not in self.flags and bool(self.mask.any())

    def check(self, vocab_size: int) -> None:
        """Raises `BadGroup` at the first invariant that does not hold."""
        size = len(self.ids)
        if not len(self.mask) == len(self.logprobs) == size:
            raise BadGroup(
                f"row {self.row}: {size} ids, {len(self.mask)} mask values, {len(self.logprobs)} log-probabilities"
            )
        # As unsigned numbers, negative ids are large ones: one pass instead of two.
        if size and int(self.ids.view(np.uint32).max()) >= vocab_size:
            raise BadGroup(f"row {self.row}: an id outside 0 to {vocab_size - 1}")
        if size and self.mask[0]:
            raise BadGroup(f"row {self.row}: the first token cannot be trained, nothing predicts it")
        # A NaN makes both comparisons false.
        if size and not (float(self.logprobs.max()) <= 0 and float(self.logprobs.min()) >= _LOWEST):
            raise BadGroup(f"row {self.row}: a log-probability that is not finite or above 0")
        for start, end in self.versions.spans(NOT_SAMPLED):
            if self.logprobs[start:end].any():
                raise BadGroup(f"row {self.row}: a log-probability where nothing was sampled")
            if self.mask[start:end].any():
                raise BadGroup(f"row {self.row}: a mask where nothing was sampled")


@dataclass(frozen=True, slots=True)
class Failed:
    """A rollout without rows, outside the baseline."""

    rollout: int
    rollout_attempt: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The finished rollouts of one task, the unit that advantages are computed over."""

    seq: int
    epoch: int
    group: str
    task: Mapping[str, Any]
    expected: int
    delivered: int
    failed: tuple[Failed, ...]
    version_min: int
    version_max: int
    rows: tuple[Row, ...]
    stats: Mapping[str, Any] = field(default_factory=dict)
    advantages: Mapping[int, float] | None = None
    """By rollout, if the run's algorithm has one for each."""

    @property
    def rewards(self) -> dict[int, float | None]:
        """Reward of every delivered rollout, by its index: one per rollout, however many rows it has."""
        return {row.rollout: row.reward for row in self.rows if "greedy" not in row.flags}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A group that will not come, so that a data cursor may advance."""

    seq: int
    group: str
    reason: str
    lengths: tuple[int, ...] = ()
    rewards: tuple[float | None, ...] = ()


def decode_group(message: bytes | bytearray | memoryview, vocab_size: int | None = None) -> Group:
    """Reads one binary message. Raises `BadGroup` or `CborError` for one that must be refused."""
    fields = cbor.loads(message)
    try:
        return group_of(fields, vocab_size)
    except (KeyError, TypeError) as e:
        raise BadGroup(f"a group without {e}") from e


def group_of(fields: Mapping[str, Any], vocab_size: int | None = None) -> Group:
    """The same from a decoded map."""
    group = Group(
        seq=fields["seq"],
        epoch=fields["epoch"],
        group=fields["group"],
        task=fields["task"],
        expected=fields["expected"],
        delivered=fields["delivered"],
        failed=tuple(
            Failed(f["rollout"], f.get("rollout_attempt", 0), f["reason"], f.get("detail", ""))
            for f in fields["failed"]
        ),
        version_min=fields["versions"]["min"],
        version_max=fields["versions"]["max"],
        rows=tuple(_row(row) for row in fields["rows"]),
        stats=fields.get("stats", {}),
        advantages=_advantages(fields.get("advantages")),
    )
    rollouts = {row.rollout for row in group.rows}
    if len(rollouts) != group.delivered or group.expected != group.delivered + len(group.failed):
        raise BadGroup(
            f"group {group.group}: expected {group.expected}, delivered {group.delivered}, rows of"
            f" {len(rollouts)} rollouts, {len(group.failed)} failed"
        )
    if vocab_size is not None:
        for row in group.rows:
            row.check(vocab_size)
    return group


def _advantages(values: Any) -> Mapping[int, float] | None:
    if values is None:
        return None
    return {int(rollout): value for rollout, value in values.items()}


def _row(fields: Mapping[str, Any]) -> Row:
    length = len(fields["ids"])
    return Row(
        row=fields["row"],
        rollout=fields["rollout"],
        rollout_attempt=fields["rollout_attempt"],
        branch=fields["branch"],
        ids=fields["ids"],
        mask=fields["mask"],
        logprobs=fields["logprobs"],
        versions=_runs(fields["versions"], length),
        turns=_runs(fields["turns"], length),
        temperatures=_runs(fields["temperatures"], length),
        reward=fields.get("reward"),
        reward_parts=fields.get("reward_parts") or {},
        turn_rewards=tuple(fields.get("turn_rewards") or ()),
        stop=fields["stop"],
        prompt_length=fields["prompt_length"],
        flags=tuple(fields["flags"]),
        sampler=fields.get("sampler"),
        advantages=_runs(fields["advantages"], length) if "advantages" in fields else None,
    )


def _runs(fields: Mapping[str, Any], length: int) -> Runs:
    runs = Runs(fields["starts"], fields["values"], length)
    if len(runs.starts) != len(runs.values) or (length and int(runs.starts[0]) != 0):
        raise BadGroup(f"runs of {len(runs.starts)} starts and {len(runs.values)} values")
    return runs
