"""Draws the learning curves of several algorithms as one SVG, without libraries.

    for a in grpo dr_grpo rloo dapo gspo; do for s in 1 2 3; do
      ./turnstone demo --algorithm $a --seed $s --dir curves/$a-$s; done; done
    python tools/plot_curves.py curves docs/curves.svg

Each folder `ALGORITHM-SEED` holds the demo's `trainer/metrics.jsonl`, or is a file of its own with that name and
`.jsonl`. A panel per algorithm: thin lines are seeds, the thick one their mean, each the mean over five steps. The last
line printed is a Markdown table.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, GAP = 190, 130, 40, 34, 18
ORDER = ["grpo", "dr_grpo", "rloo", "dapo", "gspo", "trl"]
WINDOW = 5


def rewards(path: Path) -> list[float]:
    """Mean reward of every step."""
    steps: dict[int, float] = {}
    for line in path.read_text().splitlines():
        if line.startswith("{"):
            step = json.loads(line)
            if "step" in step and ("reward_mean" in step or "reward" in step):
                steps[step["step"]] = step.get("reward_mean", step.get("reward"))
    return [steps[step] for step in sorted(steps)]


def smooth(values: list[float]) -> list[float]:
    return [sum(values[max(0, i - WINDOW + 1) : i + 1]) / min(i + 1, WINDOW) for i in range(len(values))]


def collect(folder: Path) -> dict[str, dict[int, list[float]]]:
    found: dict[str, dict[int, list[float]]] = {}
    for path in sorted(folder.iterdir()):
        name, _, seed = path.name.removesuffix(".jsonl").rpartition("-")
        metrics = path / "trainer" / "metrics.jsonl" if path.is_dir() else path
        if name in ORDER and seed.isdigit() and metrics.is_file() and (path.is_dir() or path.suffix == ".jsonl"):
            values = rewards(metrics)
            if values:
                found.setdefault(name, {})[int(seed)] = values
    # A run that was broken off is no curve.
    for name, seeds in found.items():
        most = max(len(values) for values in seeds.values())
        found[name] = {seed: values for seed, values in seeds.items() if len(values) == most}
    return found


def line(values: list[float], x: int, steps: int, style: str) -> str:
    points = " ".join(
        f"{x + i * WIDTH / max(1, steps - 1):.1f},{TOP + HEIGHT * (1 - min(1.0, max(0.0, v))):.1f}"
        for i, v in enumerate(smooth(values))
    )
    return f'<polyline points="{points}" {style}/>'


def panel(name: str, seeds: dict[int, list[float]], x: int, steps: int, first: bool) -> list[str]:
    out = [
        f'<text x="{x + WIDTH / 2}" y="{TOP - 10}" text-anchor="middle" font-weight="bold">{name}</text>',
        f'<rect x="{x}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>',
        f'<text x="{x}" y="{TOP + HEIGHT + 14}">0</text>',
        f'<text x="{x + WIDTH}" y="{TOP + HEIGHT + 14}" text-anchor="end">{steps} steps</text>',
    ]
    for tick in (0, 0.5, 1):
        y = TOP + HEIGHT * (1 - tick)
        out.append(f'<line x1="{x}" x2="{x + WIDTH}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        if first:
            out.append(f'<text x="{x - 5}" y="{y + 4}" text-anchor="end">{tick:g}</text>')
    for values in seeds.values():
        out.append(line(values, x, steps, 'fill="none" stroke="#8ab" stroke-width="1"'))
    shortest = min(len(values) for values in seeds.values())
    mean = [sum(values[i] for values in seeds.values()) / len(seeds) for i in range(shortest)]
    out.append(line(mean, x, steps, 'fill="none" stroke="#036" stroke-width="2.5"'))
    return out


def table(found: dict[str, dict[int, list[float]]]) -> str:
    rows = ["| algorithm | seeds | reward, first five steps | last five steps, each seed |", "| --- | --- | --- | --- |"]
    for name in [n for n in ORDER if n in found]:
        seeds = found[name]
        first = sum(smooth(v)[min(len(v), WINDOW) - 1] for v in seeds.values()) / len(seeds)
        last = ", ".join(f"{smooth(v)[-1]:.2f}" for _, v in sorted(seeds.items()))
        rows.append(f"| `{name}` | {len(seeds)} | {first:.2f} | {last} |")
    return "\n".join(rows)


def main() -> None:
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    found = collect(folder)
    if not found:
        raise SystemExit(f"there are no curves in {folder}")
    names = [name for name in ORDER if name in found]
    width = LEFT + len(names) * (WIDTH + GAP) + GAP
    height = TOP + HEIGHT + 40
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="{height - 8}" fill="#555">mean reward; thin: one seed, thick: their mean;'
        f" over {WINDOW} steps</text>",
    ]
    for i, name in enumerate(names):
        steps = max(len(values) for values in found[name].values())
        out += panel(name, found[name], LEFT + i * (WIDTH + GAP), steps, i == 0)
    target.write_text("\n".join([*out, "</svg>", ""]))
    print(table(found))


if __name__ == "__main__":
    main()
