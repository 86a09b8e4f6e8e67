"""The same theft by other engines, in the same run: DuckDB's recursive CTE, and what networkx calls reachable.

They are installed by `make bench-trace` beside the environment and imported here by name only.
"""

from __future__ import annotations

import gc
import importlib
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.sessions import snapshot
from bench.generated_ledger import GeneratedLedger
from bench.memory import resident
from tracing.digest import digest
from tracing.edges import Edge

REPETITIONS = 3
"""They take long: on ten million rows seconds each."""

_ROWS = "SELECT seq, transfer_id, src, dst, dst_kind, currency, amount, out_pos, in_pos FROM transfer_index"

_RECURSIVE = """
WITH RECURSIVE carried AS (
    SELECT seq, transfer_id, src, dst, dst_kind, out_pos AS src_lo, out_pos + amount AS src_hi,
           in_pos AS dst_lo, in_pos + amount AS dst_hi, 0 AS hop
      FROM transfer_index WHERE transfer_id = ?
    UNION ALL
    SELECT t.seq, t.transfer_id, t.src, t.dst, t.dst_kind,
           greatest(c.dst_lo, t.out_pos), least(c.dst_hi, t.out_pos + t.amount),
           t.in_pos + greatest(c.dst_lo - t.out_pos, 0), t.in_pos + least(c.dst_hi - t.out_pos, t.amount), c.hop + 1
      FROM carried AS c
      JOIN transfer_index AS t
        ON t.src = c.dst AND t.out_pos < c.dst_hi AND t.out_pos + t.amount > c.dst_lo
     WHERE c.dst_kind = 'wallet' AND c.dst <> ?
)
SELECT seq, transfer_id, src, dst, dst_kind, src_lo, src_hi, dst_lo, hop FROM carried ORDER BY seq, src_lo
"""


async def duckdb_traces(
    engine: AsyncEngine, thefts: dict[str, tuple[str, str]], digests: dict[str, str]
) -> dict[str, Any]:
    """p50 of each theft ((transfer id, victim) by name) over the same rows; refuses to report another result than ours."""
    duckdb = importlib.import_module("duckdb")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as folder:
        rows = Path(folder) / "rows.csv"
        async with snapshot(engine) as connection:
            await connection.copy_from_query(_ROWS, output=str(rows), format="csv", header=True)
        database = duckdb.connect()
        began = perf_counter()
        database.execute(f"CREATE TABLE transfer_index AS SELECT * FROM read_csv('{rows}')")
        figures["load_s"] = round(perf_counter() - began, 2)
    for name, (theft, victim) in thefts.items():
        found = [Edge(*row) for row in database.execute(_RECURSIVE, [theft, victim]).fetchall()]
        if digest(found) != digests[name]:
            raise RuntimeError(f"DuckDB found other edges than PostgreSQL for theft {name}")
        p50 = _p50(lambda: database.execute(_RECURSIVE, [theft, victim]).fetchall())  # noqa: B023 - called at once
        figures[name] = {"edges": len(found), "p50_ms": round(p50 * 1000, 2)}
    database.close()
    return figures


def networkx_reach(ledger: GeneratedLedger, thefts: dict[str, int]) -> dict[str, Any]:
    """Accounts that can be reached from the first mule when neither time nor amount counts."""
    networkx = importlib.import_module("networkx")
    gc.collect()
    before, began = resident(), perf_counter()
    graph = networkx.DiGraph()
    graph.add_edges_from(zip(ledger.src, ledger.dst, strict=True))
    figures: dict[str, Any] = {
        "build_s": round(perf_counter() - began, 2),
        "memory_mb": round((resident() - before) / 1e6),
    }
    for name, seq in thefts.items():
        mule = ledger.dst[seq - 1]
        reached = len(networkx.descendants(graph, mule))
        p50 = _p50(lambda: networkx.descendants(graph, mule))  # noqa: B023 - called at once
        figures[name] = {
            "reachable_share": round(reached / graph.number_of_nodes(), 3),
            "p50_ms": round(p50 * 1000, 1),
        }
    return figures


def _p50(work: Callable[[], object]) -> float:
    took = []
    for _ in range(REPETITIONS):
        began = perf_counter()
        work()
        took.append(perf_counter() - began)
    return statistics.median(took)
