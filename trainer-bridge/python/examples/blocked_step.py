"""A trainer whose step takes as long as it is told: nothing may be lost, and nobody disconnected.

    ./turnstone bench feed --seconds 900 --client "python trainer-bridge/python/examples/blocked_step.py"

The benchmark adds the server, the run and the seconds.
"""

from __future__ import annotations

import json
import sys
import time

from turnstone import Feed

BEFORE = 4
AFTER = 200


def main() -> None:
    server, run, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with Feed(server, run, "blocked", window_groups=8, window_bytes=256 << 20) as feed:
        seqs = [item.seq for _ in range(BEFORE) if (item := feed.take(timeout=60)) is not None]
        epoch = feed.welcome["epoch"]
        began = time.monotonic()
        time.sleep(seconds)  # the step: this thread does nothing for the feed
        blocked = time.monotonic() - began
        for _ in range(AFTER):
            feed.trained(seqs[-1], 0)
            feed.commit(seqs[-1], 0, f"step-{seqs[-1]}")
            item = feed.take(timeout=60)
            if item is None:
                break
            seqs.append(item.seq)
        print(
            json.dumps(
                {
                    "client": "python, blocked",
                    "blocked_s": round(blocked, 1),
                    "groups": len(seqs),
                    "lost": max(seqs) - min(seqs) + 1 - len(set(seqs)),
                    "twice": len(seqs) - len(set(seqs)),
                    "disconnected": feed.welcome["epoch"] != epoch,
                }
            )
        )


if __name__ == "__main__":
    main()
