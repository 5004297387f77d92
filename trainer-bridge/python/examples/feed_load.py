"""Takes groups from a feed as fast as they come, and prints what that cost as one line of JSON.

    ./turnstone bench feed --client "python trainer-bridge/python/examples/feed_load.py"

The benchmark adds the server, the run and the seconds.
"""

from __future__ import annotations

import json
import sys
import time

from turnstone import Dropped, Feed, Group

STEP = 4
"""Groups that a trainer's step would take."""


def raw_bytes(group: Group) -> int:
    """Ids, mask and log-probabilities: 4 + 1 + 4 bytes a token."""
    return sum(9 * len(row) for row in group.rows)


def main() -> None:
    server, run, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    groups = size = 0
    compress = len(sys.argv) > 4 and sys.argv[4] == "zstd"
    warm = max(3.0, seconds / 3)
    with Feed(server, run, "feed-load", window_groups=2 * STEP, window_bytes=256 << 20, heartbeat_s=0.05, compress=compress) as feed:
        begin = time.perf_counter()
        measured = 0.0
        decoded = 0.0
        while True:
            item = feed.take(timeout=10)
            now = time.perf_counter()
            if measured and now - measured >= seconds:
                break
            if not measured and now - begin >= warm:
                measured, decoded, groups, size = now, feed.decode_s, 0, 0
            if item is None:
                break
            if item.seq % STEP == 0:
                feed.trained(item.seq, 0)
                feed.commit(item.seq, 0, f"step-{item.seq}")
            if not isinstance(item, Dropped):
                groups += 1
                size += raw_bytes(item)
        wall = time.perf_counter() - measured
        delays = sorted(feed.heartbeat_delays_s)
        print(
            json.dumps(
                {
                    "client": "python",
                    "mb_per_s": round(size / 1e6 / wall, 1),
                    "decode_ms_per_group": round((feed.decode_s - decoded) * 1000 / max(1, groups), 3),
                    "heartbeat_delay_p99_ms": round(delays[int(0.99 * (len(delays) - 1))] * 1000, 2) if delays else -1,
                    "heartbeats": len(delays),
                    "groups": groups,
                    "seconds": round(wall, 1),
                }
            )
        )


if __name__ == "__main__":
    main()
