"""Group-relative advantages, one per rollout, in the variants that trainers use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

Spread = Literal["unbiased", "biased", "none"]


def group_advantages(
    rewards: Mapping[int, float | None], spread: Spread = "unbiased", epsilon: float = 1e-6
) -> dict[int, float]:
    """`(r - mean) / (spread + epsilon)` by rollout (GRPO, arXiv 2402.03300); only `r - mean` where the spread is
    `none` (Dr. GRPO, arXiv 2503.20783).

    A rollout without a reward takes no part and gets 0; so do all where fewer than two were scored, or all scored the
    same. Epsilon is 1e-6 in verl, slime and SkyRL; TRL's asynchronous trainer has the biased spread and 1e-8.
    """
    scored = [reward for reward in rewards.values() if reward is not None]
    if len(scored) < 2 or max(scored) == min(scored):
        return dict.fromkeys(rewards, 0.0)
    mean = math.fsum(scored) / len(scored)
    squares = math.fsum((reward - mean) ** 2 for reward in scored)
    divisor = {
        "unbiased": math.sqrt(squares / (len(scored) - 1)) + epsilon,
        "biased": math.sqrt(squares / len(scored)) + epsilon,
        "none": 1.0,
    }[spread]
    return {
        rollout: 0.0 if reward is None else (reward - mean) / divisor for rollout, reward in rewards.items()
    }
