"""Client of the Turnstone rollout server for Python trainers.

`Feed` delivers a run's finished groups in order, from a thread of its own, and survives lost connections;
`publish` makes weights that the server can load. `AsyncFeed` is the same feed for asyncio code.

    with Feed("http://127.0.0.1:8000", run="demo", consumer="trainer-0") as feed:
        for group in feed:                       # turnstone.Group, or turnstone.Dropped
            ...
            feed.trained(group.seq, version)
            feed.commit(group.seq, version, "step-1")
"""

from turnstone.advantages import group_advantages
from turnstone.cbor import CborError
from turnstone.feed import AsyncFeed, FeedClosed, FeedOptions
from turnstone.group import Dropped, Failed, Group, Row, Runs
from turnstone.server import Server, ServerError
from turnstone.threaded import Feed
from turnstone.weights import Published, publish, publish_delta, publish_lora

__all__ = [
    "AsyncFeed",
    "CborError",
    "Dropped",
    "Failed",
    "Feed",
    "FeedClosed",
    "FeedOptions",
    "Group",
    "Published",
    "Row",
    "Runs",
    "Server",
    "ServerError",
    "group_advantages",
    "publish",
    "publish_delta",
    "publish_lora",
]
