"""Groups that are larger than one message come in parts, usable only together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
