#!/usr/bin/env python3
"""Makes engine/src/test/resources/golden-tiny.json: what transformers computes with models/tiny.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install torch transformers
    /tmp/venv/bin/python tools/golden_tiny.py

For each conversation: the prompt's ids by the tokenizer's own chat template, the logits after its
last token in f32, and 64 greedy tokens.
"""

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parent.parent
TOOL = {
    "type": "function",
    "function": {
        "name": "python",
        "description": "Runs a Python program and returns what it prints.",
        "parameters": {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]},
    },
}
CONVERSATIONS = [
    [{"role": "user", "content": "What is 482 * 917?"}],
    [{"role": "user", "content": "345 times 781 is?"}],
    [
        {"role": "user", "content": "Compute 100 * 999."},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": {"name": "python", "arguments": {"code": "print(100 * 999)"}}}],
        },
        {"role": "tool", "content": "99900"},
    ],
]


def main():
    folder = ROOT / "models" / "tiny"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    cases = []
    for messages in CONVERSATIONS:
        text = tokenizer.apply_chat_template(messages, tools=[TOOL], add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
            held = list(ids)
            for _ in range(64):
                held.append(int(model(torch.tensor([held])).logits[0, -1].argmax()))
        cases.append(
            {
                "messages": messages,
                "ids": ids,
                "logits": [round(float(x), 6) for x in logits],
                "greedy": held[len(ids) :],
            }
        )
    out = ROOT / "engine" / "src" / "test" / "resources" / "golden-tiny.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"tool": TOOL["function"], "cases": cases}) + "\n")
    print(f"wrote {out.relative_to(ROOT)}: {len(cases)} cases")


if __name__ == "__main__":
    main()
