"""`stanch trace` on files and packs alone, and on an incident's traces in a database."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet

from adapters.sql.engine import make_engine
from adapters.transfers.files import FileTransferSource, read_ledger
from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.traces import SqlTraces
from cli.application import main
from models.ids import new_id
from tests.tracing.conftest import PLENTY

ROOT = Path(__file__).resolve().parents[2]

ACCOUNTS = "account,opening_cents,kind\nmia,1000,\nmule,100,wallet\nfriend,,\nbank-1,0,bank\nshop,0,merchant\npool,0,pooling\n"
TRANSFERS = (
    "tx_id,src,dst,amount_cents,note\n"
    "t1,mia,mule,600,stolen\n"
    "t2,mule,bank-1,250,\n"
    "t3,mule,friend2,100,\n"
    "t4,mule,pool,150,\n"
    "t5,mule,mia,50,\n"
    "t6,mia,shop,30,clean\n"
    "bad,mule,shop,-4,\n"
    "t7,mule,mule,20,\n"
)
FILES = ("--transfers", "transfers.csv", "--accounts", "accounts.csv")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STANCH_CONFIG", raising=False)
    (tmp_path / "accounts.csv").write_text(ACCOUNTS)
    (tmp_path / "transfers.csv").write_text(TRANSFERS)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any, str]:
    code = main(["trace", *arguments, "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err


@pytest.mark.fast
def test_the_document_says_where_every_cent_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told, err = run(capsys, "run", *FILES, "--theft", "t1", "--rule", "fifo")
    assert code == 0
    assert "accounts.csv line 4: amount '' is not a whole number" in err
    assert "transfers.csv line 8: amount -4 is negative" in err
    # The mule's own 100 go first; friend2 is in no row and so outside.
    assert {name: told[name] for name in ("stolen", "held", "exited", "returned", "pooled", "pruned")} == {
        "stolen": 600,
        "held": {"mule": 150},
        "exited": {"bank": {"bank-1": 150}, "outside": {"friend2": 100}},
        "returned": 50,
        "pooled": {"pool": 150},
        "pruned": {},
    }
    assert told["edges"] == [
        {"tx_id": "t1", "src": "mia", "dst": "mule", "amount": 600, "hop": 0},
        {"tx_id": "t2", "src": "mule", "dst": "bank-1", "amount": 150, "hop": 1},
        {"tx_id": "t3", "src": "mule", "dst": "friend2", "amount": 100, "hop": 1},
        {"tx_id": "t4", "src": "mule", "dst": "pool", "amount": 150, "hop": 1},
        {"tx_id": "t5", "src": "mule", "dst": "mia", "amount": 50, "hop": 1},
    ]
    assert told["inferred_openings"] == {"count": 0, "amount": 0}
    assert len(told["digest"]) == 64
    assert list(told["ranges"]) == ["fifo", "libr", "pro_rata", "lifo", "dirty_first"]
    assert told["ranges"]["fifo"] == {"held": 150, "exited": 250, "returned": 50, "pooled": 150}
    assert told["ranges"]["libr"]["held"] == 150


@pytest.mark.fast
@pytest.mark.parametrize("rule", ["libr", "pro_rata", "lifo", "dirty_first"])
def test_each_rule_is_its_own_trace(folder: Path, capsys: pytest.CaptureFixture[str], rule: str) -> None:
    _, told, _ = run(capsys, "run", *FILES, "--theft", "t1", "--rule", rule)
    exited = sum(sum(accounts.values()) for accounts in told["exited"].values())
    held, pooled = sum(told["held"].values()), sum(told["pooled"].values())
    assert held + exited + pooled + told["returned"] == told["stolen"] == 600
    assert told["ranges"][rule] == {
        "held": held,
        "exited": exited,
        "returned": told["returned"],
        "pooled": pooled,
    }


@pytest.mark.fast
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--theft", "nobody"), "theft_unknown"),
        (("--theft", "t1,nobody"), "theft_unknown"),
        (("--theft", "t1,t2"), "theft_not_victims"),
        (("--theft", "t7"), "theft_not_victims"),
        (("--theft", "t1", "--currency", "dollars"), "invalid"),
        (("--theft", "t1", "--rule", "poison"), "invalid"),
        (("--theft", ""), "invalid"),
        (("--theft", "t1", "--svg", "no/such/place.svg"), "invalid"),
        (("--theft", "t1", "--transfers", "accounts.csv"), "file_broken"),
        (("--theft", "t1", "--transfers", "nowhere.csv"), "file_broken"),
    ],
)
def test_bad_input_is_exit_2_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: str
) -> None:
    before = sorted(folder.iterdir())
    exit_code, told, _ = run(capsys, "run", *FILES, "--pack", "case.pack", *arguments)
    assert (exit_code, told["error"]["code"]) == (2, code)
    if "--svg" not in arguments:
        assert sorted(folder.iterdir()) == before


@pytest.mark.fast
def test_thefts_are_named_in_a_list_one_by_one_or_as_they_stand_in_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "transfers.csv").write_text(f'{TRANSFERS}"t8,b",mia,mule,10,stolen\n')
    _, together, _ = run(capsys, "run", *FILES, "--theft", "t1,t6")
    _, apart, _ = run(capsys, "run", *FILES, "--theft", "t1", "--theft", "t6")
    assert apart["thefts"] == together["thefts"] == ["t1", "t6"]
    assert apart["digest"] == together["digest"]
    code, told, _ = run(capsys, "run", *FILES, "--theft", "t1,t6", "--theft-id", "t8,b")
    assert (code, told["thefts"], told["stolen"]) == (0, ["t1", "t6", "t8,b"], 640)
    assert run(capsys, "run", *FILES, "--theft", "t8,b")[0] == 2


@pytest.mark.fast
def test_two_thefts_limits_and_missing_opening_money(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "transfers.csv").write_text(
        "tx_id,src,dst,amount_cents\n1,mia,mule,900\n2,mia,mule,300\n3,mule,bank-1,1200\n4,mule,shop,100\n"
    )
    _, told, _ = run(capsys, "run", *FILES, "--theft", "1,2", "--max-edges", "2", "--horizon", "4")
    assert (told["stolen"], told["held"]) == (1200, {})
    assert told["inferred_openings"] == {"count": 1, "amount": 200}
    assert (
        told["pruned"] == {"max_edges": {"count": 3, "amount": 1100}}
        or told["pruned"]["max_edges"]["amount"] + sum(told["held"].values()) == 1200
    )
    assert told["limits"] == {"horizon": 4, "max_edges": 2}


def parquet(path: Path, text: str) -> None:
    header, *lines = [line.split(",") for line in text.splitlines()]
    columns: dict[str, Any] = {}
    for number, name in enumerate(header):
        cells = [line[number] or None for line in lines]
        if name.endswith("_cents"):
            columns[name] = Array([None if cell is None else int(cell) for cell in cells], DataType.int64())
        else:
            columns[name] = Array(cells, DataType.utf8())
    write_parquet(Table.from_pydict(columns), path, compression="zstd(3)")


@pytest.mark.fast
def test_csv_gzip_and_parquet_are_the_same_ledger(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = run(capsys, "run", *FILES, "--theft", "t1")
    for name, text in (("accounts", ACCOUNTS), ("transfers", TRANSFERS)):
        (folder / f"{name}.csv").write_bytes(gzip.compress(text.encode()))
    assert run(capsys, "run", *FILES, "--theft", "t1") == plain
    for name, text in (("accounts", ACCOUNTS), ("transfers", TRANSFERS)):
        parquet(folder / f"{name}.csv", text)
    assert run(capsys, "run", *FILES, "--theft", "t1") == plain


@pytest.mark.fast
def test_a_damaged_parquet_file_is_refused_whole_and_brings_nothing_down(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parquet(folder / "transfers.csv", TRANSFERS)
    whole = (folder / "transfers.csv").read_bytes()
    for damaged in (whole[:-20], whole[:40] + b"\xff" * 60 + whole[100:], whole[:4] + whole[-8:]):
        (folder / "transfers.csv").write_bytes(damaged)
        code, told, _ = run(capsys, "run", *FILES, "--theft", "t1")
        assert (code, told["error"]["code"]) == (2, "file_broken")
        assert "its Parquet data is damaged" in told["error"]["message"]


@pytest.mark.fast
def test_from_files_to_a_pack_and_every_verb_on_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, told, _ = run(
        capsys, "run", *FILES, "--theft", "t1", "--currency", "SEK", "--pack", "a.pack", "--svg", "a.svg"
    )
    run(capsys, "run", *FILES, "--theft", "t1", "--currency", "SEK", "--pack", "b.pack")
    assert (folder / "a.pack").read_bytes() == (folder / "b.pack").read_bytes()
    assert (folder / "a.svg").read_text().startswith("<svg ")
    assert run(capsys, "verify", "a.pack", "--digest", told["digest"])[:2] == (
        0,
        {
            "sound": True,
            "findings": [],
            "stated_digest": told["digest"],
            "digest": told["digest"],
            "carried": 5,
            "ranges_recomputed": True,
            "rules_recomputed": ["fifo", "libr", "pro_rata", "lifo", "dirty_first"],
        },
    )
    told.pop("refused_rows")
    assert run(capsys, "show", "a.pack")[1] == told
    assert run(capsys, "run", "a.pack")[1] == told
    again = run(capsys, "run", "a.pack", "--rule", "lifo")[1]
    lifo = run(capsys, "run", *FILES, "--theft", "t1", "--currency", "SEK", "--rule", "lifo")[1]
    lifo.pop("refused_rows")
    assert again == lifo
    (compared,) = run(capsys, "compare", "a.pack")[1]["traces"]
    assert (compared["ranges"], compared["missing"]) == (told["ranges"], [])
    (explained,) = run(capsys, "explain", "a.pack")[1]["traces"]
    assert explained["sentences"][1] == (
        "transfer t2 (posting 2) paid out units 0 to 250 of mule; the stolen money is units 100 to 250; 150 went to bank-1, "
        "where it is units 100 to 250."
    )
    chinese = run(capsys, "explain", "a.pack", "--language", "zh")[1]["traces"][0]["sentences"]
    assert "其中被盗资金为第 100 至 250 单位" in chinese[1]


@pytest.mark.fast
def test_a_changed_byte_is_exit_3_and_no_pack_is_exit_2(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "run", *FILES, "--theft", "t1", "--pack", "a.pack")
    content = (folder / "a.pack").read_bytes().replace(b'"amount":250', b'"amount":240', 1)
    (folder / "a.pack").write_bytes(content)
    code, told, _ = run(capsys, "verify", "a.pack")
    assert (code, told["sound"]) == (3, False)
    assert "rows.jsonl" in {finding["part"] for finding in told["findings"]}
    assert run(capsys, "verify", "transfers.csv")[0] == 2
    assert run(capsys, "show", "transfers.csv")[0] == 2
    code, told, _ = run(capsys, "show", "b.pack")
    assert (code, told["error"]["code"]) == (2, "not_found")
    assert "There is no file b.pack" in told["error"]["message"]
    assert run(capsys, "extend", "a.pack", "--reason", "more came")[0] == 2


@pytest.mark.fast
def test_people_see_the_flow_as_plain_lines_where_nobody_draws(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "run", *FILES, "--theft", "t1", "--currency", "SEK"]) == 0
    said = capsys.readouterr().out
    assert "Stolen 6.00 SEK = held 1.50 SEK + left the wallet 2.50 SEK + pooled 1.50 SEK" in said
    assert "\x1b" not in said
    assert any(
        line.split() == ["hop", "1", "bank-1", "bank", "1.50", "left", "the", "wallet", "1.50"]
        for line in said.splitlines()
    )
    assert "least of these rules" in said


@pytest.mark.fast
def test_in_a_terminal_columns_are_hops(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["trace", "run", *FILES, "--theft", "t1", "--language", "zh"]) == 0
    said = capsys.readouterr().out
    assert "█" in said
    assert "第 1 跳" in said
    assert "退回受害人" in said


@pytest.mark.fast
def test_files_alone_need_no_server_library() -> None:
    program = "import sys, cli.traces.running; print(*(name for name in sys.argv[1:] if name in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program, "temporalio", "fastapi", "asyncpg", "sqlalchemy", "arro3"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert loaded.stdout.split() == []


async def traced_incident(database_url: str, folder: Path) -> tuple[str, str]:
    """An index from the files, and an incident's trace over it: (incident, trace)."""
    engine = make_engine(database_url, pool=1)
    try:
        ledger = read_ledger(folder / "transfers.csv", folder / "accounts.csv", currency="SEK")
        index = SqlTransferIndex(engine, FileTransferSource(ledger))
        upto = await index.catch_up(budget=PLENTY)
        incident = new_id()
        summary = await SqlTraces(engine).run(
            incident_id=incident, episode=1, currency="SEK", thefts=["t1"], upto=upto
        )
        return incident, summary.trace_id
    finally:
        await engine.dispose()


def test_an_incidents_trace_is_the_one_of_the_files_and_its_pack_proves_it(
    folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STANCH_DATABASE_URL", database_url)
    monkeypatch.setenv("STANCH_MASTER_KEY", "A" * 43 + "=")
    incident, trace_id = asyncio.run(traced_incident(database_url, folder))
    alone = run(capsys, "run", *FILES, "--theft", "t1", "--currency", "SEK")[1]
    code, told, _ = run(capsys, "show", incident, "--pack", "case.pack", "--svg", "case.svg")
    assert (code, told["trace_id"], told["incident_id"]) == (0, trace_id, incident)
    same = (
        "stolen",
        "held",
        "exited",
        "returned",
        "pooled",
        "pruned",
        "edges",
        "digest",
        "inferred_openings",
    )
    assert {name: told[name] for name in same} == {name: alone[name] for name in same}
    # With a pack every rule is computed, from the rows that go into it; without one only what was stored is told.
    assert told["ranges"] == alone["ranges"]
    assert run(capsys, "show", trace_id)[1] == told | {"ranges": {}}
    code, verdict, _ = run(capsys, "verify", "case.pack", "--digest", told["digest"])
    assert (code, verdict["ranges_recomputed"]) == (0, True)
    explained = run(capsys, "explain", incident)[1]["traces"][0]["sentences"]
    assert len(explained) == 5
    (compared,) = run(capsys, "compare", incident)[1]["traces"]
    assert (compared["trace_id"], compared["ranges"]) == (trace_id, {})
    assert compared["missing"] == list(alone["ranges"])
    assert run(capsys, "show", new_id())[0] == 2
    assert run(capsys, "show", "f" * 32)[1]["error"]["code"] == "not_found"
