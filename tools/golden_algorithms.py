"""Writes trainer-bridge/src/test/resources/golden-algorithms.json: what every training algorithm
must give on one made-up step, computed here from the formulas on padded matrices (the product works
on rows of trained tokens), gradients by central differences.

    python tools/golden_algorithms.py            # needs numpy
"""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(7)
OUT = pathlib.Path(__file__).parent.parent / "trainer-bridge/src/test/resources/golden-algorithms.json"
T = 8
GROUP = np.array([0, 0, 0, 0, 1, 1, 1, 1])
REWARD = np.array([1.0, 0.0, 0.5, 1.0, 0.0, 0.0, 1.0, 0.25])
TURN_REWARDS = [[0.2, 0.8], [0.0, 0.0], [0.5, 0.0], [0.0, 1.0], [0.1, -0.1], [0.0, 0.0], [0.3, 0.3], []]
ROLLOUT = np.array([0, 1, 1, 2, 3, 4, 5, 6, 7])  # rollout 1 has two rows
VERSIONS = rng.integers(3, 8, (len(ROLLOUT), T))
N = len(ROLLOUT)
LENGTH = rng.integers(3, T + 1, N)
INSIDE = np.arange(T) < LENGTH[:, None]
# A tool spoke in the middle of every row: those positions are not trained.
M = INSIDE & (np.arange(T) != LENGTH[:, None] // 2)
TURNS = (np.arange(T) > LENGTH[:, None] // 2).astype(int) * np.ones((N, T), int)
OLD = np.where(INSIDE, -rng.exponential(1.0, (N, T)), 0)
CURRENT = np.where(INSIDE, OLD + rng.normal(0, 0.4, (N, T)), 0)
BEHAVIOUR = np.where(INSIDE, OLD + rng.normal(0, 0.5, (N, T)), 0)
REFERENCE = np.where(INSIDE, OLD + rng.normal(0, 0.3, (N, T)), 0)
VALUES = rng.normal(0.4, 0.3, (N, T))
NEW_VALUES = VALUES + rng.normal(0, 0.3, (N, T))
VERSION = 8


def rows(matrix):
    return [[float(x) for x in matrix[i][M[i]]] for i in range(N)]


def broadcast(per_rollout):
    return np.asarray(per_rollout)[ROLLOUT][:, None] * M


def per_group(function):
    out = np.zeros(len(REWARD))
    for g in np.unique(GROUP):
        out[GROUP == g] = function(REWARD[GROUP == g])
    return out


def whiten(x):
    flat = x[M]
    return (x - flat.mean()) / np.sqrt(flat.var(ddof=1) + 1e-8) * M


def token_rewards():
    out = np.zeros((N, T))
    for i in range(N):
        turn_rewards = TURN_REWARDS[ROLLOUT[i]]
        trained = np.flatnonzero(M[i])
        left = REWARD[ROLLOUT[i]]
        for turn, reward in enumerate(turn_rewards):
            mine = [t for t in trained if TURNS[i, t] == turn]
            if mine:
                out[i, mine[-1]] += reward
                left -= reward
        out[i, trained[-1]] += left
    return out


def reinforce_plus_plus(gamma, beta):
    rho = token_rewards() - beta * (OLD - REFERENCE)
    out = np.zeros((N, T))
    for i in range(N):
        later = 0.0
        for t in reversed(range(T)):
            if M[i, t]:
                later = rho[i, t] + gamma * later
                out[i, t] = later
    return whiten(out)


def gae(gamma, lam):
    rho = token_rewards()
    out = np.zeros((N, T))
    for i in range(N):
        later = following = 0.0
        for t in reversed(range(T)):
            if M[i, t]:
                delta = rho[i, t] + gamma * following - VALUES[i, t]
                later = delta + gamma * lam * later
                following = VALUES[i, t]
                out[i, t] = later
    return out


def turn_grpo():
    out = np.zeros((N, T))
    for g in np.unique(GROUP):
        members = np.flatnonzero(GROUP == g)
        tables = {}
        for r in members:
            table = np.zeros(2)
            table[: len(TURN_REWARDS[r])] = TURN_REWARDS[r]
            table[1] += REWARD[r] - table.sum()
            tables[r] = table
        every = np.concatenate([tables[r] for r in members])
        for i in range(N):
            if ROLLOUT[i] in tables:
                scaled = (tables[ROLLOUT[i]] - every.mean()) / (every.std(ddof=1) + 1e-6)
                out[i] = np.where(TURNS[i] == 0, scaled.sum(), scaled[1]) * M[i]
    return out


GREEDY = {0: 1, 1: 6}  # in the ReMax case these rollouts of each group are the greedy ones


def remax():
    baseline = np.array([REWARD[GREEDY[g]] for g in GROUP])
    advantage = REWARD - baseline
    for r in GREEDY.values():
        advantage[r] = 0
    return broadcast(advantage)


ADVANTAGES = {
    "grpo": broadcast(per_group(lambda r: (r - r.mean()) / (r.std(ddof=1) + 1e-6))),
    "dr_grpo": broadcast(per_group(lambda r: r - r.mean())),
    "rloo": broadcast(per_group(lambda r: r - (r.sum() - r) / (len(r) - 1))),
    "max_rl": broadcast(per_group(lambda r: (r - r.mean()) / r.mean())),
    "gpg": broadcast(per_group(lambda r: r - r.mean()) * len(REWARD) / np.count_nonzero(REWARD)),
    "reinforce_plus_plus": reinforce_plus_plus(1.0, 0.01),
    "reinforce_plus_plus_baseline": whiten(broadcast(per_group(lambda r: r - r.mean()))),
    "ppo": whiten(gae(1.0, 0.95)),
    "turn_grpo": turn_grpo(),
    "remax": remax(),
}

# What a server gives, which knows no log-probabilities of a reference: no penalty.
SERVER = {"reinforce_plus_plus": reinforce_plus_plus(1.0, 0.0)}

A = ADVANTAGES["grpo"]


def surrogate(ratio, low, high, dual=np.inf):
    loss = np.maximum(-A * ratio, -A * np.clip(ratio, 1 - low, 1 + high))
    return np.where(A < 0, np.minimum(loss, np.abs(A) * dual), loss) if np.isfinite(dual) else loss


def sequence_ratio(current, old):
    mean = ((current - old) * M).sum(1) / M.sum(1)
    return np.exp(np.minimum(mean, 10))[:, None] * np.ones((N, T))


def factors(mode):
    tokens, lengths = M.sum(), M.sum(1)
    per_rollout = np.array([lengths[ROLLOUT == r].sum() for r in ROLLOUT])
    row = {
        "token_mean": np.full(N, 1 / tokens),
        "sequence_sum": np.full(N, 1 / N),
        "sequence_mean": 1 / (N * lengths),
        "constant": np.full(N, 1 / (N * 20)),
        "rollout_mean": 1 / (len(REWARD) * per_rollout),
    }[mode]
    return row[:, None] * M


def weights(kind, old):
    w = np.exp(old - BEHAVIOUR)
    total = ((old - BEHAVIOUR) * M).sum(1)
    mean = np.exp(total / M.sum(1))[:, None]
    return {
        "none": lambda: np.ones((N, T)),
        "truncated:1.5": lambda: np.minimum(w, 1.5),
        "masked:0.7:1.4": lambda: w * (w >= 0.7) * (w <= 1.4),
        "sequence_mask:1.2": lambda: np.exp(total)[:, None] * (np.exp(total)[:, None] <= 1.2) * np.ones((N, T)),
        "geometric_mask:0.9:1.2": lambda: w * (mean >= 0.9) * (mean <= 1.2),
    }[kind]()


def proximal(kind):
    if kind == "recomputed":
        return OLD
    if kind == "behaviour":
        return BEHAVIOUR
    alpha = (VERSION - 1 - VERSIONS) / (VERSION - VERSIONS)
    return BEHAVIOUR + alpha * (OLD - BEHAVIOUR)


def kl(kind, current, old):
    q = REFERENCE - current
    value = {"1": -q, "2": q * q / 2, "3": np.exp(q) - q - 1}[kind[1]]
    return value * np.exp(current - old) if kind.endswith("*") else value


def loss(spec, current):
    old = proximal(spec.get("proximal", "recomputed"))
    ratio = np.exp(current - old)
    low, high = spec.get("clip", [0.2, 0.28])
    frozen = np.clip(np.exp(CURRENT - old), 1 - low, 1 + high)
    token = {
        "clipped": lambda: surrogate(ratio, low, high, spec.get("dual", np.inf)),
        "sequence": lambda: surrogate(sequence_ratio(current, old), low, high),
        "weight": lambda: -frozen * A * current,
        "likelihood": lambda: -A * current,
    }[spec["loss"]]()
    token = token * weights(spec.get("correction", "none"), old)
    if "kl" in spec:
        token = token + 0.1 * kl(spec["kl"], current, old)
    return float((token * factors(spec.get("aggregation", "token_mean")))[M].sum())


def gradient(function, at):
    out = np.zeros_like(at)
    for i, t in zip(*np.nonzero(M)):
        step = np.zeros_like(at)
        step[i, t] = 1e-6
        out[i, t] = (function(at + step) - function(at - step)) / 2e-6
    return out


SPECS = [
    {"loss": "clipped"},
    {"loss": "clipped", "clip": [0.1, 0.1]},
    {"loss": "clipped", "dual": 1.2},
    {"loss": "sequence", "clip": [0.03, 0.04], "aggregation": "sequence_mean"},
    {"loss": "weight"},
    {"loss": "weight", "clip": [1, 4]},
    {"loss": "likelihood"},
    *({"loss": "clipped", "aggregation": a} for a in ("sequence_sum", "sequence_mean", "constant", "rollout_mean")),
    *(
        {"loss": "clipped", "correction": c}
        for c in ("truncated:1.5", "masked:0.7:1.4", "sequence_mask:1.2", "geometric_mask:0.9:1.2")
    ),
    {"loss": "clipped", "proximal": "behaviour"},
    {"loss": "clipped", "proximal": "interpolated", "correction": "truncated:1.5"},
    *({"loss": "clipped", "kl": k} for k in ("k1", "k2", "k3", "k1*", "k3*")),
]

objectives = []
for spec in SPECS:
    objectives.append(
        {**spec, "value": loss(spec, CURRENT), "gradient": rows(gradient(lambda x: loss(spec, x), CURRENT))}
    )

returns = gae(1.0, 0.95) + VALUES


def value_loss(values):
    held = VALUES + np.clip(values - VALUES, -0.2, 0.2)
    return float((0.5 * np.maximum((values - returns) ** 2, (held - returns) ** 2))[M].sum())


json.dump(
    {
        "version": VERSION,
        "rollouts": [
            {"group": int(g), "reward": float(r), "turn_rewards": t}
            for g, r, t in zip(GROUP, REWARD, TURN_REWARDS)
        ],
        "greedy": list(GREEDY.values()),
        "rows": [
            {
                "rollout": int(ROLLOUT[i]),
                "turns": [int(x) for x in TURNS[i][M[i]]],
                "versions": [int(x) for x in VERSIONS[i][M[i]]],
                "current": rows(CURRENT)[i],
                "old": rows(OLD)[i],
                "behaviour": rows(BEHAVIOUR)[i],
                "reference": rows(REFERENCE)[i],
                "values": rows(VALUES)[i],
                "new_values": rows(NEW_VALUES)[i],
            }
            for i in range(N)
        ],
        "advantages": {name: rows(matrix) for name, matrix in ADVANTAGES.items()},
        "server_advantages": {name: rows(matrix) for name, matrix in SERVER.items()},
        "objectives": objectives,
        "critic": {
            "returns": rows(returns),
            "value": value_loss(NEW_VALUES),
            "gradient": rows(gradient(value_loss, NEW_VALUES)),
        },
    },
    OUT.open("w"),
    separators=(",", ":"),
)
OUT.open("a").write("\n")
print(f"{len(ADVANTAGES)} advantages and {len(objectives)} objectives in {OUT.name}, {OUT.stat().st_size} bytes")
