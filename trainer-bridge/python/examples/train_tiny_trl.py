"""Trains the tiny policy with TRL's AsyncGRPOTrainer on a CPU against a Turnstone server.

    ./turnstone sandbox --port 8100 &
    ./turnstone serve --model tiny --port 8000 --weight-root /tmp/weights --tool-address 127.0.0.1:8100 &
    pip install './trainer-bridge/python[trl]'
    python trainer-bridge/python/examples/train_tiny_trl.py --weights /tmp/weights --steps 40

The policy learns to compute products in a Python sandbox. The last line is JSON: the mean reward of the first and of
the last steps, and what the feed delivered.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

import torch
from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback
from trl.experimental.async_grpo import AsyncGRPOConfig, AsyncGRPOTrainer, async_grpo_trainer, packing

from turnstone import Feed, Server
from turnstone.trl import RolloutWorker, WeightTransfer

TINY = Path(__file__).parents[3] / "models" / "tiny"


class CpuAttention:
    """TRL's tree attention calls a CUDA kernel; this computes the same with PyTorch."""

    @staticmethod
    def flash_attn_varlen_func(
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        starts_q: torch.Tensor,
        starts_k: torch.Tensor,
        _max_q: int,
        _max_k: int,
        softmax_scale: float | None = None,
        **_: Any,
    ) -> torch.Tensor:
        repeat = q.shape[1] // k.shape[1]
        out = torch.empty_like(q)
        for a, b, c, d in zip(starts_q[:-1], starts_q[1:], starts_k[:-1], starts_k[1:], strict=True):
            queries = q[a:b].transpose(0, 1)
            keys = k[c:d].repeat_interleave(repeat, 1).transpose(0, 1)
            values = v[c:d].repeat_interleave(repeat, 1).transpose(0, 1)
            # The queries are the last of the keys: causal at the lower right.
            seen = torch.ones(int(b - a), int(d - c), dtype=torch.bool).tril(int((d - c) - (b - a)))
            attended = torch.nn.functional.scaled_dot_product_attention(
                queries[None], keys[None], values[None], attn_mask=seen, scale=softmax_scale
            )
            out[a:b] = attended[0].transpose(0, 1)
        return out


def tasks(count: int, seed: int) -> list[dict[str, Any]]:
    """Products of two three-digit numbers that pretraining left out: their sum is a multiple of four."""
    generator = random.Random(seed)
    made: list[dict[str, Any]] = []
    while len(made) < count:
        a, b = generator.randint(100, 999), generator.randint(100, 999)
        if (a + b) % 4 == 0:
            task = {"messages": [{"role": "user", "content": f"What is {a} * {b}?"}], "data": {"answer": str(a * b)}}
            made.append({"group": f"g-{len(made)}", "task": task})
    return made


def prepare(server: Server, arguments: argparse.Namespace) -> str:
    """Registers the environment and a new run with its tasks; returns the run's name."""
    environment = {
        "environment": "python",
        "tools": [
            {
                "kind": "sandbox",
                "name": "python",
                "description": "Runs Python code and returns what it prints.",
                "url": arguments.sandbox,
                "timeout_s": 10,
                "max_output_chars": 200,
            }
        ],
        "rewards": [{"kind": "numeric", "weight": 1.0}],
    }
    server.call("POST", "/v1/environments", environment)
    run = f"trl-{int(time.time())}"
    server.create_run(
        run,
        "python",
        arguments.group_size,
        # TRL's loader holds two batches besides the one that it trains, and not every rollout gives a row to train:
        # with a tighter bound the server would wait for a step, and the step for more rollouts.
        max_staleness=3,
        groups_per_version=arguments.groups,
        sampling={"temperature": 1.0, "seed": arguments.seed},
        limits={"max_turns": 3, "max_turn_tokens": 64, "max_tokens": 160, "context_length": 384, "wall_time_s": 300},
    )
    server.submit(run, tasks(arguments.groups * (arguments.steps + 6), arguments.seed))
    return run


class Rewards(TrainerCallback):
    """Keeps the mean reward of every step and prints it."""

    def __init__(self) -> None:
        self.means: list[float] = []

    def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "reward" in logs:
            self.means.append(logs["reward"])
            print(json.dumps({"step": state.global_step, "reward": round(logs["reward"], 3)}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://127.0.0.1:8000")
    parser.add_argument("--sandbox", default="http://127.0.0.1:8100")
    parser.add_argument("--weights", required=True, help="a folder that the server may read (--weight-root)")
    parser.add_argument("--model", default=str(TINY))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--groups", type=int, default=8, help="per step")
    parser.add_argument("--group-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    # What TRL takes from a GPU for granted.
    packing._flash_attn = CpuAttention
    async_grpo_trainer.get_peak_flops_per_device = lambda *_: 1e12
    run = prepare(Server(arguments.server), arguments)
    with Feed(arguments.server, run, consumer="trl", window_groups=2 * arguments.groups) as feed, \
            tempfile.TemporaryDirectory() as output:  # fmt: skip
        rewards = Rewards()
        trainer = AsyncGRPOTrainer(
            model=arguments.model,
            reward_funcs=[],
            args=AsyncGRPOConfig(
                output_dir=output,
                max_steps=arguments.steps,
                per_device_train_batch_size=arguments.groups * arguments.group_size,
                gradient_accumulation_steps=1,
                # Not by tokens: early answers are short, and a batch would wait for hundreds of them.
                token_budget=0,
                learning_rate=arguments.learning_rate,
                max_grad_norm=1.0,
                epsilon=0.2,
                epsilon_high=0.28,
                temperature=1.0,
                max_staleness=7,
                weight_sync_steps=1,
                logging_steps=1,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                use_cpu=True,
                bf16=False,
                dtype="float32",
                seed=arguments.seed,
            ),
            train_dataset=Dataset.from_list([{"prompt": "tasks come from the run"}]),
            processing_class=AutoTokenizer.from_pretrained(arguments.model),
            callbacks=[rewards],
            rollout_worker=RolloutWorker(feed),
            weight_transfer=WeightTransfer(feed, arguments.weights, lineage=run),
        )
        trainer.train()
    first, last = rewards.means[:5], rewards.means[-5:]
    print(
        json.dumps(
            {
                "steps": len(rewards.means),
                "reward_first": round(sum(first) / len(first), 3),
                "reward_last": round(sum(last) / len(last), 3),
                "version": feed.version,
            }
        )
    )


if __name__ == "__main__":
    main()
