"""Publishing weights: a folder that appears whole or not at all, which the server verifies before it serves it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DTYPES = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
_INDICES = ".indices"


PIECE = 1 << 20
"""Bytes of a file that go over the feed in one frame."""


@dataclass(frozen=True, slots=True)
class Published:
    """Weights that a server can be told of."""

    lineage: str
    version: int
    folder: Path
    manifest_sha256: str

    @property
    def id(self) -> dict[str, Any]:
        """What names these weights, as the base of adapters and deltas."""
        return {"lineage": self.lineage, "version": self.version, "sha256": self.manifest_sha256}

    def message(self) -> dict[str, Any]:
        """The body of `POST /v1/weights`, and the feed's `weights` but for its type and epoch."""
        return {
            "lineage": self.lineage,
            "version": self.version,
            "uri": self.folder.as_uri(),
            "manifest_sha256": self.manifest_sha256,
        }


def publish(
    directory: str | os.PathLike[str],
    lineage: str,
    version: int,
    tensors: Mapping[str, Any] | Iterable[tuple[str, Any]],
    keep: int = 2,
    **wishes: Any,
) -> Published:
    """Writes `<directory>/<lineage>/v<version>` and keeps the lineage's newest `keep` versions.

    `tensors` are torch tensors or numpy arrays by Hugging Face name; an iterator is read to its end, one tensor at a
    time. The folder is written aside, synced and renamed, so that a kill at any point leaves none that is half.
    `wishes` go into the manifest: `pause`, `kv`, and `probe`, which the weights must give before they serve
    (`{"ids": [...], "logprobs": [...], "tolerance": 0.05}`).
    """
    return _publish(directory, lineage, version, tensors, keep, wishes)


def publish_lora(
    directory: str | os.PathLike[str],
    lineage: str,
    version: int,
    adapters: Mapping[str, Any] | Iterable[tuple[str, Any]],
    base: Published | Mapping[str, Any],
    scale: float,
    keep: int = 2,
    **wishes: Any,
) -> Published:
    """The same for adapters to `base`: `NAME.lora_A.weight` and `NAME.lora_B.weight`, as PEFT names them.

    `scale` is alpha / rank. What serves is W + scale · B A in f32, made anew from the base each time.
    """
    part = {"kind": "lora", "base": _id(base), "scale": scale}
    return _publish(directory, lineage, version, adapters, keep, {**wishes, **part})


def publish_delta(
    directory: str | os.PathLike[str],
    lineage: str,
    version: int,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    base: Published | Mapping[str, Any],
    keep: int = 2,
    **wishes: Any,
) -> Published:
    """The same for the numbers in which `after` differs from `before`, the weights of `base`, which must serve."""
    part = {"kind": "delta", "base": _id(base)}
    return _publish(directory, lineage, version, _changes(before, after), keep, {**wishes, **part})


def _id(base: Published | Mapping[str, Any]) -> Mapping[str, Any]:
    return base.id if isinstance(base, Published) else base


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """`NAME.indices` into the flat tensor and `NAME.values`, of every tensor that changed."""
    import numpy as np

    if before.keys() != after.keys():
        raise ValueError(f"a delta of other tensors: {sorted(before.keys() ^ after.keys())[0]}")
    for name, tensor in after.items():
        _, shape, new = _bytes(tensor)
        _, known, old = _bytes(before[name])
        dtype = str(tensor.dtype).removeprefix("torch.")
        if known != shape or len(new) != len(old):
            raise ValueError(f"tensor {name} changed its shape or dtype")
        kind = np.uint32 if dtype == "float32" else np.uint16
        indices = np.flatnonzero(np.frombuffer(new, kind) != np.frombuffer(old, kind))
        if len(indices) == 0:
            continue
        yield name + _INDICES, indices.astype(np.int64)
        flat = tensor.reshape(-1)
        if hasattr(tensor, "detach"):
            import torch

            yield f"{name}.values", flat.detach().cpu()[torch.from_numpy(indices)]
        else:
            yield f"{name}.values", flat[indices]


def _publish(
    directory: str | os.PathLike[str],
    lineage: str,
    version: int,
    tensors: Mapping[str, Any] | Iterable[tuple[str, Any]],
    keep: int,
    more: Mapping[str, Any],
) -> Published:
    parent = Path(directory).absolute() / lineage
    parent.mkdir(parents=True, exist_ok=True)
    folder, aside = parent / f"v{version}", parent / f"v{version}.tmp"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    described, digest, size = _write(aside / "model.safetensors", tensors)
    dtypes = {tensor["dtype"] for tensor in described.values()}
    manifest = json.dumps(
        {
            "lineage": lineage,
            "version": version,
            "dtype": dtypes.pop() if len(dtypes) == 1 else "mixed",
            "files": {"model.safetensors": {"size": size, "sha256": digest}},
            "tensors": described,
            **more,
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode()
    with open(aside / "manifest.json", "wb") as file:
        file.write(manifest)
        _sync(file.fileno())
    _sync_path(aside)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(aside, folder)
    _sync_path(parent)
    _retain(parent, version, keep)
    return Published(lineage, version, folder, hashlib.sha256(manifest).hexdigest())


def _write(
    path: Path, tensors: Mapping[str, Any] | Iterable[tuple[str, Any]]
) -> tuple[dict[str, dict[str, Any]], str, int]:
    """A safetensors file: u64 header length, JSON header, then the tensors' bytes. Its hash is taken on a second
    thread while the first one writes."""
    pairs = tensors.items() if isinstance(tensors, Mapping) else tensors
    arrays = [(name, *_bytes(tensor, name.endswith(_INDICES))) for name, tensor in pairs]
    header: dict[str, Any] = {}
    described = {}
    at = 0
    for name, dtype, shape, data in arrays:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        described[name] = {"dtype": dtype, "shape": shape}
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    chunks: list[Any] = [struct.pack("<Q", len(text)) + text, *(data for *_, data in arrays)]
    with ThreadPoolExecutor(1) as pool, open(path, "wb") as file:
        digest = pool.submit(_sha256, chunks)
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        _sync(file.fileno())
        return described, digest.result(), 8 + len(text) + at


def _bytes(tensor: Any, indices: bool = False) -> tuple[str, list[int], memoryview]:
    """Dtype, shape and bytes of a torch tensor or a numpy array."""
    if hasattr(tensor, "detach"):
        import torch

        tensor = tensor.detach().contiguous().cpu()
        dtype = str(tensor.dtype).removeprefix("torch.")
        raw = tensor.reshape(-1).view(torch.uint8).numpy()
    else:
        import numpy as np

        tensor = np.ascontiguousarray(tensor)
        dtype = str(tensor.dtype)
        raw = tensor.reshape(-1).view(np.uint8)
    if indices and dtype == "int64":
        return "I64", list(tensor.shape), memoryview(raw)
    if dtype not in _DTYPES:
        raise ValueError(f"weights of dtype {dtype}: a server takes float32, bfloat16 or float16")
    return _DTYPES[dtype], list(tensor.shape), memoryview(raw)


def _sha256(chunks: list[Any]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)


def _sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _retain(parent: Path, newest: int, keep: int) -> None:
    versions = sorted(
        (int(path.name[1:]) for path in parent.iterdir() if path.name[1:].isdigit() and path.name[0] == "v"),
        reverse=True,
    )
    for old in [v for v in versions if v <= newest][keep:]:
        shutil.rmtree(parent / f"v{old}")
