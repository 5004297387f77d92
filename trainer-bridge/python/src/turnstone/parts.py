"""Binary messages made whole: unpacked, and joined where a group is larger than one message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST = 64 << 20


_ZSTD = b"\x28\xb5\x2f\xfd"


def unpacked(message: bytes) -> bytes:
    """A binary message without its compression; a zstd frame says what it is by its first bytes."""
    if message[:4] != _ZSTD:
        return message
    import zstandard

    size = zstandard.frame_content_size(message)
    if not 0 <= size <= _MOST:
        raise ValueError(f"a zstd frame that holds {size} bytes, at most {_MOST} may")
    return bytes(zstandard.ZstdDecompressor().decompress(message, max_output_size=_MOST))


class Parts:
    """The parts of one group that have come so far."""

    def __init__(self) -> None:
        self._seq = 0
        self._fields: dict[str, Any] = {}
        self._size = 0
        self._next = 0

    def joined(self, fields: Mapping[str, Any], size: int) -> tuple[Mapping[str, Any], int] | None:
        """The whole group and its bytes, or `None` while parts are missing."""
        count = fields.get("parts", 1)
        if count == 1:
            return fields, size
        part = fields["part"]
        if part == 0:
            self._fields = {**fields, "rows": list(fields["rows"])}
            self._seq, self._size, self._next = fields["seq"], size, 1
        elif fields["seq"] == self._seq and part == self._next:
            self._fields["rows"] += fields["rows"]
            self._size += size
            self._next += 1
        else:
            raise ValueError(f"part {part} of seq {fields['seq']} came after part {self._next - 1} of {self._seq}")
        if self._next < count:
            return None
        return self._fields, self._size
