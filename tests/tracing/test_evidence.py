"""Evidence packs: computed again they are sound, and whatever is changed in one is found and named."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from adapters.evidence.archive import packed
from adapters.evidence.gathering import evidence_of
from adapters.evidence.verification import evidence_in, verified
from models.errors import ErrorCode, StanchError
from tests.tracing.ledgers import Ledger, covered, ledgers, opening, random_ledger, transfer
from tracing.evidence.evidence import Evidence
from tracing.evidence.formats import CURRENT, MANIFEST, OTHER_ROWS, ROWS, TRACE
from tracing.evidence.parts import manifest_part, parts_of
from tracing.posting import rows
from tracing.result import Limits
from tracing.rules import Rule

pytestmark = pytest.mark.fast


def evidence(ledger: Ledger, thefts: list[str], rule: Rule, limits: Limits | None = None) -> Evidence:
    return evidence_of(
        rows(ledger.transfers, ledger.openings),
        ledger.openings,
        thefts=thefts,
        rule=rule,
        currency="EUR",
        upto_seq=len(ledger.transfers),
        limits=limits or Limits(),
    )


@pytest.fixture(scope="module")
def parts() -> dict[str, bytes]:
    """A pack's parts: 60 postings, of which most carry stolen money."""
    ledger = random_ledger(Random(3), length=60)
    first = next(row for row in ledger.transfers if {row.src, row.dst} <= set("ABCD") and row.src != row.dst)
    return parts_of(evidence(ledger, [first.transfer_id], Rule.FIFO))


def write(folder: Path, parts: dict[str, bytes]) -> Path:
    path = folder / "case.pack"
    path.write_bytes(packed(parts))
    return path


def with_new_manifest(parts: dict[str, bytes]) -> dict[str, bytes]:
    """What a forger does who knows the format."""
    return parts | {MANIFEST: manifest_part(parts)}


LIMITS = st.builds(
    Limits,
    horizon_seq=st.one_of(st.none(), st.integers(1, 25)),
    dust=st.integers(0, 4),
    max_edges=st.one_of(st.none(), st.integers(0, 12)),
)


@pytest.mark.parametrize("rule", list(Rule))
@settings(max_examples=12, phases=[Phase.generate], deadline=None)
@given(ledger=ledgers(), seed=st.integers(0, 2**32), limits=LIMITS)
def test_the_rows_of_a_pack_give_its_trace_by_its_rule_and_by_the_others(
    tmp_path_factory: pytest.TempPathFactory, rule: Rule, ledger: Ledger, seed: int, limits: Limits
) -> None:
    _, thefts = ledger.thefts(Random(seed))
    given_ = evidence(ledger, thefts, rule, limits)
    if not given_.trace.flow.stolen:
        return
    path = write(tmp_path_factory.getbasetemp(), parts_of(given_))
    verdict = verified(path, expected=given_.trace.digest)
    assert verdict.findings == ()
    assert verdict.ranges_recomputed
    assert evidence_in(path).trace == given_.trace
    other = random_rule(Random(seed))
    again = evidence_in(path, rule=other)
    assert again.trace == evidence(ledger, thefts, other, limits).trace
    assert verified(write(tmp_path_factory.getbasetemp(), parts_of(again))).sound


def random_rule(random: Random) -> Rule:
    return random.choice(list(Rule))


def test_a_pack_is_the_same_bytes_every_time(parts: dict[str, bytes]) -> None:
    assert packed(parts) == packed(dict(parts))
    assert tuple(parts) == CURRENT.parts
    with zipfile.ZipFile(io.BytesIO(packed(parts))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("part", CURRENT.parts)
def test_one_changed_byte_of_any_part_is_found_and_the_part_is_named(
    tmp_path: Path, parts: dict[str, bytes], part: str
) -> None:
    if not parts[part]:
        parts = with_new_manifest(parts | {part: b"{}\n"})
        assert part in {finding.part for finding in verified(write(tmp_path, parts)).findings}
        return
    content = bytearray(packed(parts))
    at = bytes(content).index(parts[part]) + len(parts[part]) // 2
    content[at] ^= 1
    path = tmp_path / "case.pack"
    path.write_bytes(content)
    verdict = verified(path)
    said = next(finding.message for finding in verdict.findings if finding.part == part)
    assert said == "its bytes are not those that were packed"


@pytest.mark.parametrize("part", [part for part in CURRENT.parts if part != MANIFEST])
def test_a_forger_who_mends_checksums_and_manifest_is_found_all_the_same(
    tmp_path: Path, parts: dict[str, bytes], part: str
) -> None:
    content = parts[part]
    forged = content[:-2] + b"?" + content[-1:] if content else b"{}\n"
    verdict = verified(write(tmp_path, with_new_manifest(parts | {part: forged})))
    assert part in {finding.part for finding in verdict.findings}


def sound(path: Path) -> bool:
    try:
        return verified(path).sound
    except StanchError as refused:
        if not refused.matches(ErrorCode.FILE_BROKEN):
            raise
        return False


def test_every_byte_of_a_small_pack_counts(tmp_path: Path) -> None:
    ledger = covered([transfer(1, "A", "B", 7), transfer(2, "B", "X", 3)], [opening("A", 7)])
    content = packed(parts_of(evidence(ledger, ["t1"], Rule.FIFO)))
    path = tmp_path / "case.pack"
    for at in range(0, len(content), 311):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert not sound(path), at
    path.write_bytes(content)
    assert sound(path)


def rows_in(parts: dict[str, bytes], name: str = ROWS) -> list[dict]:
    return [json.loads(line) for line in parts[name].splitlines()]


def as_rows(records: list[dict]) -> bytes:
    return b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)


def test_a_missing_row_is_named_with_what_it_changes(tmp_path: Path, parts: dict[str, bytes]) -> None:
    records = rows_in(parts)
    gone = records.pop()
    verdict = verified(write(tmp_path, with_new_manifest(parts | {ROWS: as_rows(records)})))
    said = {finding.part: finding.message for finding in verdict.findings}
    assert verdict.digest != verdict.stated_digest
    assert f'"seq":{gone["seq"]}' in said["edges.jsonl"]


def test_another_digest_is_found_here_and_by_who_knows_the_right_one(
    tmp_path: Path, parts: dict[str, bytes]
) -> None:
    digest = json.loads(parts[TRACE])["digest"]
    forged = with_new_manifest(parts | {TRACE: parts[TRACE].replace(digest.encode(), b"0" * 64)})
    said = [finding.message for finding in verified(write(tmp_path, forged)).findings]
    assert f"it states the digest {'0' * 64}, the rows give {digest}" in said
    path = write(tmp_path, parts)
    assert verified(path, expected=digest).sound
    assert not verified(path, expected="0" * 64).sound


def test_money_that_would_go_round_for_ever_is_refused(tmp_path: Path, parts: dict[str, bytes]) -> None:
    theft = rows_in(parts)[0]
    there = {"src": "B", "dst": "C", "src_kind": "wallet", "dst_kind": "wallet", "out_pos": 0, "in_pos": 0}
    back = {"src": "C", "dst": "B", "src_kind": "wallet", "dst_kind": "wallet", "out_pos": 0, "in_pos": 0}
    loop = [
        theft | {"dst": "B", "in_pos": 0, "amount": 5},
        theft | there | {"seq": 1_000, "transfer_id": "x1", "amount": 5},
        theft | back | {"seq": 1_001, "transfer_id": "x2", "amount": 5},
    ]
    loop[0]["in_pos"] = 0
    verdict = verified(write(tmp_path, with_new_manifest(parts | {ROWS: as_rows(loop), OTHER_ROWS: b""})))
    assert any("names units that another posting names" in finding.message for finding in verdict.findings)


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"[]\n",
        b"null\n",
        b"[" * 100_000,
        b'{"seq":"1"}\n',
        b"\xff\xfe\n",
        b'{"a":' * 50_000 + b"1",
        as_rows([{"seq": 2**70}]),
    ],
)
@pytest.mark.parametrize("part", [ROWS, TRACE, MANIFEST, OTHER_ROWS, "holds.jsonl", "openings.jsonl"])
def test_whatever_a_part_holds_is_a_finding_and_not_a_crash(
    tmp_path: Path, parts: dict[str, bytes], part: str, hostile: bytes
) -> None:
    if parts[part] == hostile:
        return
    verdict = verified(write(tmp_path, parts | {part: hostile}))
    assert part in {finding.part for finding in verdict.findings}


def zipped(write_into: Callable[[zipfile.ZipFile], None]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        write_into(archive)
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no ZIP file"),
        (b"PK\x03\x04 nothing", "no ZIP file"),
        (zipped(lambda archive: archive.writestr("../../etc/passwd", b"x")), "no evidence pack has"),
        (zipped(lambda archive: archive.writestr("/abs", b"x")), "no evidence pack has"),
        (
            zipped(lambda archive: archive.writestr(TRACE, b"0" * 10_000_000, zipfile.ZIP_DEFLATED)),
            "says that it holds more than it has",
        ),
        (zipped(lambda archive: archive.writestr(TRACE, b"{}", zipfile.ZIP_DEFLATED)), "is compressed"),
    ],
)
def test_a_hostile_file_is_no_pack_and_nothing_is_unfolded(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "case.pack"
    path.write_bytes(content)
    with pytest.raises(StanchError, match=why) as refused:
        verified(path)
    assert refused.value.code is ErrorCode.FILE_BROKEN


def test_the_readme_is_plain_and_says_what_the_pack_cannot_prove(parts: dict[str, bytes]) -> None:
    text = parts["README.txt"].decode()
    assert max(map(len, text.splitlines())) <= 100
    assert "The pack cannot prove that these rows" in text.replace("\n", " ")
    assert json.loads(parts[TRACE])["digest"] in text
