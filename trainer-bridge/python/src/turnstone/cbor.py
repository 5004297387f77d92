"""CBOR (RFC 8949) as the feed uses it: definite lengths, string keys, and the typed arrays of RFC 8746 as numpy
views of the message, so that no number is copied."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_TYPED: dict[int, np.dtype[Any]] = {
    64: np.dtype("u1"),
    69: np.dtype("<u2"),
    70: np.dtype("<u4"),
    72: np.dtype("i1"),
    77: np.dtype("<i2"),
    78: np.dtype("<i4"),
    79: np.dtype("<i8"),
    85: np.dtype("<f4"),
    86: np.dtype("<f8"),
}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
_DEPTH = 64


class CborError(ValueError):
    """Bytes that are not a message of the feed."""


def loads(data: bytes | bytearray | memoryview) -> Any:
    """The one item in `data`. Typed arrays are read-only views of it: they keep it alive."""
    view = memoryview(data).toreadonly()
    try:
        value, end = _item(view, 0, 0)
    except (IndexError, struct.error) as e:
        raise CborError(f"the message ends early, after {len(view)} bytes") from e
    if end != len(view):
        raise CborError(f"{len(view) - end} bytes follow the message")
    return value


def _item(view: memoryview, at: int, depth: int) -> tuple[Any, int]:
    if depth > _DEPTH:
        raise CborError(f"nested deeper than {_DEPTH}")
    first = view[at]
    major, info = first >> 5, first & 31
    if major == 7:
        return _simple(view, at + 1, info)
    if info < 24:
        argument, at = info, at + 1
    else:
        argument, at = _argument(view, at + 1, info)
    if major == 0:
        return argument, at
    if major == 1:
        return -1 - argument, at
    if major in (2, 3):
        end = at + argument
        if end > len(view):
            raise CborError(f"a string of {argument} bytes at {at} ends after the message")
        chunk = view[at:end]
        return (chunk if major == 2 else str(chunk, "utf-8")), end
    if major == 4:
        items = []
        for _ in range(argument):
            item, at = _item(view, at, depth + 1)
            items.append(item)
        return items, at
    if major == 5:
        return _map(view, at, argument, depth + 1)
    content, at = _item(view, at, depth + 1)
    return _tagged(argument, content), at


def _map(view: memoryview, at: int, size: int, depth: int) -> tuple[dict[str, Any], int]:
    mapping: dict[str, Any] = {}
    for _ in range(size):
        first = view[at]
        if 0x60 <= first < 0x78:
            # A name of up to 23 bytes, as nearly all are.
            at += 1
            end = at + first - 0x60
            key = str(view[at:end], "utf-8") if end <= len(view) else ""
            at = end
        else:
            key, at = _item(view, at, depth)
            if not isinstance(key, str):
                raise CborError(f"a key at byte {at} that is not a string")
        first = view[at]
        if first < 24:
            mapping[key] = first
            at += 1
        else:
            mapping[key], at = _item(view, at, depth)
    return mapping, at


def _argument(view: memoryview, at: int, info: int) -> tuple[int, int]:
    if info < 24:
        return info, at
    if info > 27:
        raise CborError(f"length of kind {info} at byte {at} is not used by the feed")
    size = 1 << (info - 24)
    if at + size > len(view):
        raise IndexError(at)
    return int.from_bytes(view[at : at + size], "big"), at + size


def _simple(view: memoryview, at: int, info: int) -> tuple[Any, int]:
    if info in _SIMPLE:
        return _SIMPLE[info], at
    if info in _FLOATS:
        form, size = _FLOATS[info]
        return struct.unpack_from(form, view, at)[0], at + size
    raise CborError(f"simple value {info} at byte {at} is not used by the feed")


def _tagged(tag: int, content: Any) -> Any:
    dtype = _TYPED.get(tag)
    if dtype is None:
        return content
    if not isinstance(content, memoryview):
        raise CborError(f"typed array of tag {tag} is not a byte string")
    if len(content) % dtype.itemsize:
        raise CborError(f"typed array of tag {tag} has {len(content)} bytes")
    return np.frombuffer(content, dtype)
