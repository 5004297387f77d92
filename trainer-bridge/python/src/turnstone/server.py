"""The few HTTP calls that a trainer makes: runs and their tasks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


class ServerError(RuntimeError):
    """An answer that is not a success, with the server's sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Server:
    """A Turnstone server."""

    url: str
    api_key: str | None = None
    timeout: float = 60.0

    def create_run(self, run: str, environment: str, group_size: int, **settings: Any) -> dict[str, Any]:
        """`POST /v1/runs`; the same body again changes nothing."""
        body = {"run": run, "environment": environment, "group_size": group_size, **settings}
        return self.call("POST", "/v1/runs", body)

    def submit(self, run: str, groups: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Hands tasks in, each `{"group": name, "task": {"messages": [...], "data": {...}}}`. They are durable when
        this returns."""
        return self.call("POST", f"/v1/runs/{run}/groups", {"groups": list(groups)})

    def end(self, run: str) -> dict[str, Any]:
        """No task will follow."""
        return self.call("POST", f"/v1/runs/{run}/end", {})

    def run(self, run: str) -> dict[str, Any]:
        """State and counters."""
        return self.call("GET", f"/v1/runs/{run}")

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Any route; raises `ServerError` with the server's sentence."""
        request = urllib.request.Request(self.url.rstrip("/") + path, method=method)
        if self.api_key:
            request.add_header("Authorization", f"Bearer {self.api_key}")
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, data, self.timeout) as response:
                text = response.read()
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as e:
            raise ServerError(e.code, message_of(e.read())) from None


def message_of(body: bytes) -> str:
    """The sentence in an error body."""
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body[:500].decode(errors="replace")
