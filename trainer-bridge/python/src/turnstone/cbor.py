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
_LONGEST_KNOWN = 24
_KNOWN: dict[bytes, str] = {}
"""Names that were decoded before, by their bytes: a group has the same few in every row. Bounded, since they come from
outside."""


class CborError(ValueError):
    """Bytes that are not a message of the feed."""


def loads(data: bytes | bytearray | memoryview) -> Any:
    """The one item in `data`. Typed arrays are read-only views of it (of a copy, unless it is `bytes`)."""
    whole = data if isinstance(data, bytes) else bytes(data)
    try:
        value, end = _item(whole, 0, 0)
    except (IndexError, struct.error) as e:
        raise CborError(f"the message ends early, after {len(whole)} bytes") from e
    if end != len(whole):
        raise CborError(f"{len(whole) - end} bytes follow the message")
    return value


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > _DEPTH:
        raise CborError(f"nested deeper than {_DEPTH}")
    first = data[at]
    major, info = first >> 5, first & 31
    if major == 7:
        return _simple(data, at + 1, info)
    if info < 24:
        argument, at = info, at + 1
    else:
        argument, at = _argument(data, at + 1, info)
    if major == 0:
        return argument, at
    if major == 6:
        return _tagged(data, at, argument, depth + 1)
    if major == 5:
        return _map(data, at, argument, depth + 1)
    if major == 3:
        end = _end(data, at, argument)
        return str(data[at:end], "utf-8"), end
    if major == 1:
        return -1 - argument, at
    if major == 2:
        end = _end(data, at, argument)
        return data[at:end], end
    items = []
    for _ in range(argument):
        item, at = _item(data, at, depth + 1)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, size: int, depth: int) -> tuple[dict[str, Any], int]:
    mapping: dict[str, Any] = {}
    for _ in range(size):
        first = data[at]
        end = at + first - 0x5F
        key = _KNOWN.get(data[at:end]) if 0x60 <= first < 0x78 else None
        if key is None:
            key, end = _key(data, at, depth)
        at = end
        first = data[at]
        if first < 24:
            mapping[key] = first
            at += 1
        else:
            mapping[key], at = _item(data, at, depth)
    return mapping, at


def _key(data: bytes, at: int, depth: int) -> tuple[str, int]:
    key, end = _item(data, at, depth)
    if not isinstance(key, str):
        raise CborError(f"a key at byte {at} that is not a string")
    if end - at <= _LONGEST_KNOWN and len(_KNOWN) < 256:
        _KNOWN[data[at:end]] = key
    return key, end


def _end(data: bytes, at: int, size: int) -> int:
    end = at + size
    if end > len(data):
        raise CborError(f"a string of {size} bytes at {at} ends after the message")
    return end


def _argument(data: bytes, at: int, info: int) -> tuple[int, int]:
    if info == 24:
        return data[at], at + 1
    if info > 27:
        raise CborError(f"length of kind {info} at byte {at} is not used by the feed")
    size = 1 << (info - 24)
    if at + size > len(data):
        raise IndexError(at)
    return int.from_bytes(data[at : at + size], "big"), at + size


def _simple(data: bytes, at: int, info: int) -> tuple[Any, int]:
    if info in _SIMPLE:
        return _SIMPLE[info], at
    if info in _FLOATS:
        form, size = _FLOATS[info]
        return struct.unpack_from(form, data, at)[0], at + size
    raise CborError(f"simple value {info} at byte {at} is not used by the feed")


def _tagged(data: bytes, at: int, tag: int, depth: int) -> tuple[Any, int]:
    dtype = _TYPED.get(tag)
    if dtype is None:
        return _item(data, at, depth)
    first = data[at]
    if first >> 5 != 2:
        raise CborError(f"typed array of tag {tag} is not a byte string")
    if first < 0x58:
        size, at = first & 31, at + 1
    else:
        size, at = _argument(data, at + 1, first & 31)
    end = _end(data, at, size)
    if size % dtype.itemsize:
        raise CborError(f"typed array of tag {tag} has {size} bytes")
    return np.frombuffer(data, dtype, size // dtype.itemsize, at), end
