#!/usr/bin/env python3
"""Makes engine/src/test/resources/golden-families.json: what transformers computes with tiny models.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install torch transformers
    /tmp/venv/bin/python tools/golden_families.py

No weights are stored: `values` below and GoldenModel.java make the same numbers out of a parameter's
name. For each model: logits in f32 at three positions of a prompt that is longer than its window and
its original context, 64 greedy tokens with their log-probabilities, and how far transformers' own
bfloat16 is from its f32.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "engine" / "src" / "test" / "resources" / "golden-families.json"
PROMPT, GREEDY, MARGIN = 96, 64, 2e-3
POSITIONS = [5, 40, PROMPT - 1]

SIZES = dict(
    vocab_size=96, hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=192, rms_norm_eps=1e-5,
    pad_token_id=0, bos_token_id=1, eos_token_id=2,
)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
YARN = dict(type="yarn", factor=4.0, original_max_position_embeddings=48)
MODELS = {
    "llama2": dict(architectures=["LlamaForCausalLM"], model_type="llama", num_key_value_heads=4, tie_word_embeddings=False),
    "llama3": dict(architectures=["LlamaForCausalLM"], model_type="llama", rope_theta=500000.0, rope_scaling=LLAMA3, tie_word_embeddings=True),
    "llama-linear-biases": dict(
        architectures=["LlamaForCausalLM"], model_type="llama", attention_bias=True, mlp_bias=True,
        rope_scaling=dict(type="linear", factor=4.0), tie_word_embeddings=False,
    ),
    "smollm2": dict(architectures=["LlamaForCausalLM"], model_type="llama", rope_theta=100000, num_attention_heads=3, num_key_value_heads=1, tie_word_embeddings=True),
    "smollm3": dict(architectures=["SmolLM3ForCausalLM"], model_type="smollm3", num_hidden_layers=4, rope_theta=5000000.0, no_rope_layer_interval=4, no_rope_layers=[1, 1, 1, 0]),
    "qwen2": dict(architectures=["Qwen2ForCausalLM"], model_type="qwen2", rope_theta=1000000.0, use_sliding_window=False, sliding_window=24, max_window_layers=1, tie_word_embeddings=True),
    "qwen2-sliding-yarn": dict(
        architectures=["Qwen2ForCausalLM"], model_type="qwen2", rope_theta=1000000.0, rope_scaling=YARN, max_position_embeddings=48,
        use_sliding_window=True, sliding_window=24, max_window_layers=1, tie_word_embeddings=False,
    ),
    "qwen3": dict(architectures=["Qwen3ForCausalLM"], model_type="qwen3", head_dim=32, rope_theta=1000000.0, attention_bias=False, tie_word_embeddings=True),
    "qwen3-yarn": dict(
        architectures=["Qwen3ForCausalLM"], model_type="qwen3", head_dim=16, attention_bias=True,
        rope_parameters=dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=48,
                             beta_fast=16.0, beta_slow=2.0, mscale=0.7, mscale_all_dim=0.3, truncate=False),
        tie_word_embeddings=False,
    ),
    "mistral": dict(architectures=["MistralForCausalLM"], model_type="mistral", head_dim=24, sliding_window=24, tie_word_embeddings=False),
    "mistral-nemo": dict(architectures=["MistralForCausalLM"], model_type="mistral", head_dim=8, sliding_window=None, rope_theta=1000000.0, tie_word_embeddings=False),
    "gemma3": dict(
        architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", num_hidden_layers=4, head_dim=16, query_pre_attn_scalar=16,
        hidden_activation="gelu_pytorch_tanh", sliding_window=24, sliding_window_pattern=3, rope_theta=1000000.0,
        rope_local_base_freq=10000.0, rope_scaling=None, attn_logit_softcapping=None, final_logit_softcapping=None,
    ),
    "gemma3-layers": dict(
        architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", head_dim=16, query_pre_attn_scalar=12, attention_bias=True,
        hidden_activation="gelu_pytorch_tanh", sliding_window=24, layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters=dict(full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1000000.0), sliding_attention=dict(rope_type="default", rope_theta=10000.0)),
        tie_word_embeddings=False,
    ),
}


def mix(z):
    """SplitMix64's output function."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def values(name, count, gemma):
    """Exactly the same f32 numbers as GoldenModel.java: multiples of 2^-25 in [-0.25, 0.25), or that around 1."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = mix(np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    u = ((z >> np.uint64(40)).astype(np.float64) * 2.0**-24 - 0.5) * 0.5
    return (u + 1 if name.endswith("norm.weight") and not gemma else u).astype(np.float32)


def load(config, dtype):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), attn_implementation="eager")
    gemma = config["architectures"][0].startswith("Gemma")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            value = torch.from_numpy(values(name, parameter.numel(), gemma)).reshape(parameter.shape)
            parameter.data = value.to(dtype)  # frequencies stay f32, as after from_pretrained
    return model.eval()


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0].float()


def golden(name, config):
    model = load(config, torch.float32)
    for seed in range(100):
        prompt = np.random.default_rng(seed).integers(0, config["vocab_size"], PROMPT).tolist()
        held, logprobs, margin = list(prompt), [], 1.0
        for _ in range(GREEDY):
            last = logits_of(model, held)[-1]
            two = last.topk(2).values
            margin = min(margin, float(two[0] - two[1]))
            held.append(int(last.argmax()))
            logprobs.append(round(float(last.log_softmax(-1).max()), 6))
        if margin > MARGIN:
            break
    else:
        raise SystemExit(f"{name}: no prompt whose greedy tokens are clear")
    exact = logits_of(model, prompt)
    rounded = logits_of(load(config, torch.bfloat16), prompt)
    off = float((exact[POSITIONS] - rounded[POSITIONS]).abs().max())
    print(f"{name}: prompt {seed}, margin {margin:.4f}, bfloat16 is off by {off:.3f}, {len(set(held[PROMPT:]))} different tokens")
    return dict(
        name=name,
        config=config,
        prompt=prompt,
        positions=POSITIONS,
        logits=[[round(float(x), 5) for x in exact[p]] for p in POSITIONS],
        greedy=held[PROMPT:],
        logprobs=logprobs,
        bfloat16=round(off, 4),
    )


def main():
    cases = [golden(name, {**SIZES, **config}) for name, config in MODELS.items()]
    OUT.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
    print(f"wrote {OUT.relative_to(ROOT)}: {len(cases)} models, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
