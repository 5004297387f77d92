from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from turnstone import Published, publish, publish_delta, publish_lora


def manifest(published: Published) -> dict[str, Any]:
    return json.loads((published.folder / "manifest.json").read_text())


def tensors(published: Published) -> dict[str, bytes]:
    """Raw bytes of every tensor."""
    whole = (published.folder / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", whole[:8])[0]
    data = whole[8 + size :]
    header = json.loads(whole[8 : 8 + size])
    return {name: data[slice(*tensor["data_offsets"])] for name, tensor in header.items()}


def test_a_delta_holds_what_changed_and_nothing_else(tmp_path: Path) -> None:
    before = {"a": np.array([[1, 2], [3, 4]], np.float32), "b": np.zeros(3, np.float32)}
    after = {"a": np.array([[1, 2], [3, 5]], np.float32), "b": np.array([0, 0, -0.0], np.float32)}
    base = publish(tmp_path, "demo", 1, before)
    delta = publish_delta(tmp_path, "demo", 2, before, {**after, "b": before["b"]}, base)
    assert manifest(delta)["kind"] == "delta"
    assert manifest(delta)["base"] == {"lineage": "demo", "version": 1, "sha256": base.manifest_sha256}
    assert tensors(delta) == {"a.indices": struct.pack("<q", 3), "a.values": struct.pack("<f", 5)}
    # By bits: a zero that changed its sign changed.
    assert "b.indices" in tensors(publish_delta(tmp_path, "demo", 3, before, after, base))


def test_a_delta_of_another_shape_is_refused(tmp_path: Path) -> None:
    before = {"a": np.zeros(3, np.float32)}
    with pytest.raises(ValueError, match="tensor a changed its shape or dtype"):
        publish_delta(tmp_path, "demo", 2, before, {"a": np.zeros((3, 1), np.float32)}, {})
    with pytest.raises(ValueError, match="a delta of other tensors: b"):
        publish_delta(tmp_path, "demo", 2, before, {**before, "b": before["a"]}, {})


def test_adapters_name_their_base_and_scale(tmp_path: Path) -> None:
    base = publish(tmp_path, "demo", 1, {"w.weight": np.zeros((4, 4), np.float32)})
    adapters = {
        "w.lora_A.weight": np.ones((2, 4), np.float32),
        "w.lora_B.weight": np.ones((4, 2), np.float32),
    }
    lora = publish_lora(tmp_path, "demo", 2, adapters, base, scale=0.5, pause="wait")
    said = manifest(lora)
    assert (said["kind"], said["scale"], said["base"], said["pause"]) == ("lora", 0.5, base.id, "wait")


def test_a_probe_goes_into_the_manifest(tmp_path: Path) -> None:
    probe = {"ids": [1, 2, 3], "logprobs": [-0.5, -0.25], "tolerance": 0.01}
    published = publish(tmp_path, "demo", 1, {"w": np.zeros(2, np.float32)}, probe=probe, kv="keep")
    assert manifest(published)["probe"] == probe
    assert manifest(published)["kv"] == "keep"
