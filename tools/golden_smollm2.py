#!/usr/bin/env python3
"""Makes engine/src/test/resources/golden-smollm2.json: how transformers answers with SmolLM2.

    /tmp/venv/bin/python tools/golden_smollm2.py /tmp/smollm2      # the folder that tools/smollm2.py made

For each conversation: the prompt's ids by the tokenizer's own chat template, and up to 64 greedy
tokens in f32, which end with the end of the turn.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "engine" / "src" / "test" / "resources" / "golden-smollm2.json"


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


CONVERSATIONS = [
    [user("What is the capital of France?")],
    [user("Write a haiku about the sea.")],
    [{"role": "system", "content": "You answer in one word."}, user("Which colour has the sky?")],
    [user("List three prime numbers.\n\n- one per line\n- no words")],
    [user("Übersetze „Guten Morgen, wie geht’s?“ ins Englische.")],
    [user("日本語で「ありがとう」は英語で何ですか？ 🙂")],
    [user("def fib(n):\n    return n if n < 2 else\t...\n\nComplete   the function.")],
    [user("Hi!"), assistant("Hello! How can I help you?"), user("Tell me a joke about a stone.")],
    [user("What is 17 * 23? Think step by step."), assistant("17 * 23 = 391"), user("And twice that?")],
    [user("The quick brown fox jumps over the lazy dog. " * 60 + "What animal jumps?")],
]


def main():
    folder = Path(sys.argv[1])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    cases = []
    for messages in CONVERSATIONS:
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            made = model.generate(
                torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
                max_new_tokens=64, return_dict_in_generate=True, output_scores=True,
            )
        greedy = made.sequences[0, len(ids) :].tolist()
        margin = min(float(s[0].topk(2).values.diff().abs()) for s in made.scores)
        answer = tokenizer.decode(greedy, skip_special_tokens=True)
        print(f"{len(ids):4} tokens, margin {margin:.4f}: {answer[:90]!r}")
        cases.append(dict(messages=messages, ids=ids, greedy=greedy, text=answer))
    OUT.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
    print(f"wrote {OUT.relative_to(ROOT)}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
