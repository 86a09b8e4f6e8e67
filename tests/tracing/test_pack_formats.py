"""A pack of any format that was ever given out verifies for ever; one of a format nobody knows here is an error that says so."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.evidence.archive import opened, packed
from adapters.evidence.verification import evidence_in, recompute, verified
from adapters.transfers.offline import OfflineLedger
from cli.application import main
from models.errors import ErrorCode, StanchError
from tests.tracing.golden_packs import FOLDER, PACKS, SINCE, evidence, with_an_award
from tests.tracing.ledgers import covered, opening, transfer
from tracing.edges import Edge
from tracing.evidence.evidence import Evidence
from tracing.evidence.formats import CURRENT, FORMATS, MANIFEST
from tracing.evidence.parts import parts_of
from tracing.evidence.reading import stated_in
from tracing.outflows import HoldChange
from tracing.posting import Row, rows
from tracing.result import Carried
from tracing.rules import Rule
from tracing.statement import fifo_statement
from tracing.trace import trace

pytestmark = pytest.mark.fast

GOLDEN = sorted(FOLDER.glob("format-*.pack"))

DIGESTS = {
    "format-1-holds": "68a1160974fc487b04b91c4afd8180ec2800b76b865cb38332f7990379a3e888",
    "format-1-limits": "009a72fb23d440cb7de01baad95d285e415589025e948dcbb372f58feed93d6f",
    "format-1-sums": "fa191b61d146a3e0a59768467ba761f4e0ce4571b610d0058158b05d9780a19e",
    "format-1-units": "22e8018da201a012655a826e03eb30a0ea422d6afe90ccef64fa30b7ab0b2f8a",
    "format-2-awarded": "250fb6d721fe9c57388e9a1d5e1d7b4971758c162c089884a1bcb59b209235ff",
    "format-2-holds": "68a1160974fc487b04b91c4afd8180ec2800b76b865cb38332f7990379a3e888",
    "format-2-limits": "009a72fb23d440cb7de01baad95d285e415589025e948dcbb372f58feed93d6f",
    "format-2-sums": "fa191b61d146a3e0a59768467ba761f4e0ce4571b610d0058158b05d9780a19e",
    "format-2-units": "22e8018da201a012655a826e03eb30a0ea422d6afe90ccef64fa30b7ab0b2f8a",
}
"""Noted when the packs were written. Nothing here may ever change; a new format adds lines."""

WAY_OUT = (
    "A pack that was given out no longer verifies. What a pack of a format holds never changes: put the old text, words or fields "
    "back, and if they must change give the new ones a new number in tracing/evidence/formats.py beside the old ones."
)


def test_there_are_packs_of_every_format() -> None:
    assert {path.stem for path in GOLDEN} == set(DIGESTS)
    assert {path.stem for path in GOLDEN} == {
        f"format-{number}-{name}" for number in FORMATS for name in PACKS if number >= SINCE.get(name, 1)
    }


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_pack_of_any_format_verifies_for_ever(path: Path) -> None:
    verdict = verified(path, expected=DIGESTS[path.stem])
    assert verdict.findings == (), WAY_OUT
    assert verdict.ranges_recomputed
    assert evidence_in(path).trace.digest == DIGESTS[path.stem]
    assert opened(path).written.number == int(path.stem.split("-")[1])


def test_the_newest_format_is_what_the_product_runs_and_stores() -> None:
    for thefts in (["t1"], ["t1", "t2", "t3"]):
        assert CURRENT.fifo_statement(thefts) == fifo_statement(thefts), WAY_OUT
    assert CURRENT.rows == Row._fields
    assert CURRENT.holds == HoldChange._fields
    assert CURRENT.edges == Edge._fields
    assert CURRENT.carried == Carried._fields
    assert tuple(parts_of(evidence(Rule.FIFO))) == CURRENT.parts


@pytest.mark.parametrize("named", [3, 0, -1, 10**9, "1", 1.0, None, [1], {"a": "b" * 1000}, True])
def test_a_format_that_is_not_known_here_is_said_and_nothing_of_the_pack_is_used(
    tmp_path: Path, named: object, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = parts_of(evidence(Rule.FIFO))
    told = json.loads(parts[MANIFEST]) | {"format": named}
    path = tmp_path / "case.pack"
    # A newer format may have parts that this one does not.
    path.write_bytes(packed({"map.html": b"<p>new</p>"} | parts | {MANIFEST: json.dumps(told).encode()}))
    for use in (verified, evidence_in):
        with pytest.raises(StanchError, match="this program reads format 1") as refused:
            use(path)
        assert refused.value.code is ErrorCode.FORMAT_UNKNOWN
        assert len(refused.value.message) < 400
    assert main(["trace", "verify", str(path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "format_unknown"


def test_a_pack_awards_only_what_came_out_of_a_hold_and_only_where_its_format_knows_of_it(
    tmp_path: Path,
) -> None:
    parts = parts_of(with_an_award())
    assert parts["rows.jsonl"].count(b'"dst_kind":"awarded"') == 1
    told = json.loads(parts[MANIFEST]) | {"format": 1}
    no_hold = parts["rows.jsonl"].replace(b'"hold_id":"h2"', b'"hold_id":null')
    for name, changed, why in (
        (MANIFEST, json.dumps(told).encode(), "its format does not know"),
        ("rows.jsonl", no_hold, "out of no hold"),
    ):
        path = tmp_path / "case.pack"
        path.write_bytes(packed(parts | {name: changed}))
        assert any(why in str(finding) for finding in verified(path).findings), name


def test_a_theft_that_moved_nothing_is_what_only_packs_of_the_first_format_may_have(tmp_path: Path) -> None:
    ledger = covered([transfer(1, "A", "A", 5), transfer(2, "A", "B", 5)], [opening("A", 5)])
    told = rows(ledger.transfers, ledger.openings)
    with closing(OfflineLedger(told)) as offline:
        found = {
            rule: trace(
                offline, rule=rule, thefts=["t1", "t2"], currency="EUR", upto_seq=2, still_thefts=True
            )
            for rule in Rule
        }
    ranges = {rule: each.flow for rule, each in found.items()}
    whole = Evidence(trace=found[Rule.FIFO], rows=tuple(told), other_rows=(), ranges=ranges)
    path = tmp_path / "case.pack"
    path.write_bytes(packed(parts_of(whole, FORMATS[1])))
    assert verified(path).findings == ()
    path.write_bytes(packed(parts_of(whole)))
    assert any("t1" in str(finding) and "itself" in str(finding) for finding in verified(path).findings)


def test_what_follows_the_money_of_a_pack_is_the_statement_of_its_format() -> None:
    pack = opened(FOLDER / "format-1-units.pack")
    assert pack.parts["statement.sql"].decode() == pack.written.fifo_statement(["t2"])
    stated = stated_in(pack.parts, pack.written)
    other = replace(pack.written, statement=pack.written.statement.replace("c.hop + 1", "c.hop + 2"))
    whole = recompute(stated, Rule.FIFO)
    assert whole.digest == stated.digest
    assert [edge.hop for edge in recompute(replace(stated, written=other), Rule.FIFO).units] == [
        2 * edge.hop for edge in whole.units
    ]
