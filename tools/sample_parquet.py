"""Writes the Parquet files that TaskFileTest reads: python tools/sample_parquet.py (needs pyarrow; made with 26.0.1)."""
import pathlib
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = pathlib.Path(__file__).parent.parent / "env-adapters/src/test/resources/dev/turnstone/envadapters/tasks"
TABLE = pa.table({
    "prompt": pa.array(
        [[{"role": "user", "content": "2+2?"}], [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "3×3?"}], None],
        pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))),
    "reward_model": pa.array([{"ground_truth": "4", "style": "rule"}, {"ground_truth": "9", "style": "rule"}, {"ground_truth": "1", "style": None}]),
    "level": pa.array([1, None, 3], pa.int64()),
    "share": pa.array([0.5, 0.25, 0.125], pa.float64()),
    "price": pa.array([Decimal("1.50"), Decimal("2.00"), None], pa.decimal128(9, 2)),
    "easy": pa.array([True, False, True]),
    "tags": pa.array([["a", None], [], None], pa.list_(pa.string())),
    "counts": pa.array([[("x", 1)], [], None], pa.map_(pa.string(), pa.int32())),
})
for codec in ("snappy", "zstd", "gzip", "none"):
    pq.write_table(TABLE, FOLDER / f"{codec}.parquet", compression=codec, row_group_size=2)
