"""What `stanch demo` refuses before it starts anything."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from cli.application import main
from cli.demo.request import DemoRequest, request_of
from cli.exit_codes import ExitCode
from models.errors import ErrorCode, StanchError

pytestmark = pytest.mark.fast

ACCOUNTS = "account,opening_cents,kind\nmia,1000,\nmule,0,wallet\nshop,0,merchant\n"
TRANSFERS = "tx_id,time,src,dst,amount_cents\n1,1,mia,mule,400\n2,1,mia,mule,100\n3,2,mule,shop,300\n4,2,mia,mia,5\n5,3,shop,mia,1\n"


@pytest.fixture
def ledger(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "accounts.csv").write_text(ACCOUNTS)
    (tmp_path / "transfers.csv").write_text(TRANSFERS)
    return {"transfers": tmp_path / "transfers.csv", "accounts": tmp_path / "accounts.csv"}


def ask(ledger: dict[str, Path], theft: str, currency: str | None = None) -> DemoRequest:
    return request_of(
        seed=1,
        keep=False,
        wait_limit=60,
        theft=theft,
        currency=currency,
        transfers=ledger["transfers"],
        accounts=ledger["accounts"],
    )


def refused(ledger: dict[str, Path], theft: str, capsys: pytest.CaptureFixture[str]) -> str:
    arguments = [
        "--transfers",
        str(ledger["transfers"]),
        "--accounts",
        str(ledger["accounts"]),
        "--theft",
        theft,
    ]
    assert main(["demo", *arguments, "--json"]) == ExitCode.BAD_INPUT
    return str(json.loads(capsys.readouterr().out)["error"]["code"])


def test_thefts_of_one_victim_come_in_posting_order_with_the_moment_before_the_first(
    ledger: dict[str, Path],
) -> None:
    case = ask(ledger, "2,1,2", "SEK").case
    assert case is not None
    assert [theft.transfer_id for theft in case.thefts] == ["1", "2"]
    assert (case.victim, case.currency) == ("mia", "SEK")
    assert case.compromised_since < case.thefts[0].posted_at


@pytest.mark.parametrize(
    ("theft", "code"),
    [
        ("9", ErrorCode.THEFT_UNKNOWN),
        ("1,9", ErrorCode.THEFT_UNKNOWN),
        ("1,3", ErrorCode.THEFT_NOT_VICTIMS),
        ("4", ErrorCode.THEFT_NOT_VICTIMS),
        ("5", ErrorCode.THEFT_NOT_VICTIMS),
        (",", ErrorCode.INVALID),
    ],
)
def test_wrong_thefts_are_refused(
    ledger: dict[str, Path], theft: str, code: ErrorCode, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(ledger, theft, capsys) == code


@pytest.mark.parametrize(
    "content",
    [
        b"tx_id,src,dst\n1,a,b\n",
        b"",
        b"tx_id,src,dst,amount_cents\n1,a,b," + b"9" * 10_000_000 + b"\n",
        gzip.compress(TRANSFERS.encode())[:40],
    ],
    ids=["no amount column", "empty", "a line of 10 MB", "gzip cut off"],
)
def test_a_broken_file_is_refused_whole(
    ledger: dict[str, Path], content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger["transfers"].write_bytes(content)
    assert refused(ledger, "1", capsys) == ErrorCode.FILE_BROKEN


def test_a_missing_file_is_refused(ledger: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    ledger["accounts"].unlink()
    assert refused(ledger, "1", capsys) == ErrorCode.FILE_BROKEN


def test_a_theft_in_a_refused_row_is_unknown(
    ledger: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    ledger["transfers"].write_text(TRANSFERS.replace("mia,mule,400", "mia,mule,-400"))
    assert refused(ledger, "1", capsys) == ErrorCode.THEFT_UNKNOWN


@pytest.mark.parametrize("wanted", ["no_such", "relapse"])
def test_only_a_story_that_can_be_told_is_begun(ledger: dict[str, Path], wanted: str) -> None:
    own = {"transfers": ledger["transfers"], "accounts": ledger["accounts"]} if wanted == "relapse" else {}
    with pytest.raises(StanchError) as caught:
        request_of(
            seed=1,
            keep=False,
            wait_limit=60,
            theft="t1" if own else None,
            currency=None,
            transfers=own.get("transfers"),
            accounts=own.get("accounts"),
            scenario=wanted,
        )
    assert caught.value.code is ErrorCode.INVALID
    assert "nothing was started" in caught.value.message
