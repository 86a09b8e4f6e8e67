"""Ledgers in files: a faulty row is left out by name, a broken file is refused whole."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.transfers.files import FileLedger, FileTransferSource, read_ledger
from models.contracts.transfers import AccountKind
from models.errors import ErrorCode, StanchError
from tracing.posting import rows

pytestmark = pytest.mark.fast

HEADER = "tx_id,src,dst,amount_cents\n"
ACCOUNTS = "account,opening_cents,kind\na,100,\nb,0,wallet\nshop,0,merchant\npool,5,pooling\n"


def read(folder: Path, transfers: str | bytes, accounts: str | bytes = ACCOUNTS) -> FileLedger:
    for name, content in (("transfers.csv", transfers), ("accounts.csv", accounts)):
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_ledger(folder / "transfers.csv", folder / "accounts.csv", currency="EUR")


def refusal(folder: Path, transfers: str | bytes, accounts: str | bytes = ACCOUNTS) -> str:
    with pytest.raises(StanchError) as refused:
        read(folder, transfers, accounts)
    assert refused.value.code is ErrorCode.FILE_BROKEN
    assert "nothing of it was imported" in refused.value.message
    return refused.value.message


def test_row_order_is_posting_order_and_other_columns_are_ignored(tmp_path: Path) -> None:
    ledger = read(tmp_path, "x,amount_cents,dst,tx_id,src,label\n1,30,b,T 1,a,mule\n2,20,shop, 2,b,\n")
    assert [(row.seq, row.transfer_id, row.src, row.dst, row.amount) for row in ledger.transfers] == [
        (1, "T 1", "a", "b", 30),
        (2, " 2", "b", "shop", 20),
    ]
    assert ledger.transfers[1].dst_kind is AccountKind.MERCHANT
    assert ledger.refused == []
    assert (ledger.inferred_count, ledger.inferred_amount) == (0, 0)


def test_an_account_without_a_row_is_outside_and_never_short(tmp_path: Path) -> None:
    ledger = read(tmp_path, HEADER + "1,nobody,b,500\n2,b,nobody,500\n")
    assert ledger.transfers[0].src_kind is AccountKind.OUTSIDE
    assert ledger.inferred_amount == 0


def test_missing_opening_money_is_inferred_on_top_of_the_given(tmp_path: Path) -> None:
    ledger = read(tmp_path, HEADER + "1,a,b,130\n2,b,shop,10\n3,b,shop,150\n4,pool,b,9\n")
    inferred = {opening.account_id: (opening.amount, opening.inferred) for opening in ledger.openings}
    assert inferred == {"a": (130, 30), "b": (30, 30), "shop": (0, 0), "pool": (9, 4)}
    assert (ledger.inferred_count, ledger.inferred_amount) == (3, 64)
    assert len(rows(ledger.transfers, ledger.openings)) == 4


FAULTS = {
    "2,a,b,": "amount '' is not a whole number of minor units",
    "2,a,b,ten": "amount 'ten' is not a whole number of minor units",
    "2,a,b,1.5": "amount '1.5' is not a whole number of minor units",
    "2,a,b,1e3": "amount '1e3' is not a whole number of minor units",
    "2,a,b,1_000": "amount '1_000' is not a whole number of minor units",
    "2,a,b, 7": "amount ' 7' is not a whole number of minor units",
    "2,a,b,٣": "amount '٣' is not a whole number of minor units",
    "2,a,b,nan": "amount 'nan' is not a whole number of minor units",
    "2,a,b,0": "amount 0 is zero",
    "2,a,b,-5": "amount -5 is negative",
    "2,a,b,9223372036854775808": "amount '9223372036854775808' is beyond 2^63-1",
    "2,a,b," + "9" * 9000: f"amount '{'9' * 40}...' is beyond 2^63-1",
    "1,a,b,5": "tx_id '1' is already taken by an earlier row",
    ",a,b,5": "tx_id is empty",
    "2,,b,5": "src is empty",
    "2,a,,5": "dst is empty",
    "2,a,b\x00,5": "dst 'b\\x00' has characters that cannot be printed",
    "2,a," + "b" * 129 + ",5": "dst is longer than 128 characters",
    "2,a,b": "it has 3 columns, the header has 4",
    "2,a,b,5,6": "it has 5 columns, the header has 4",
    "2,a,b,9223372036854775807": "it would take account 'b' past 2^63-1 minor units in all",
}


@pytest.mark.parametrize(("row", "reason"), FAULTS.items())
def test_a_faulty_row_is_left_out_and_named_and_the_import_goes_on(
    tmp_path: Path, row: str, reason: str
) -> None:
    ledger = read(tmp_path, f"{HEADER}1,a,b,5\n{row}\n3,b,a,5\n4,a,b,1\n")
    assert [(refused.file, refused.line, refused.reason) for refused in ledger.refused] == [
        ("transfers.csv", 3, reason)
    ]
    assert [(posted.seq, posted.transfer_id) for posted in ledger.transfers] == [(1, "1"), (2, "3"), (3, "4")]


def test_the_largest_amount_is_an_amount(tmp_path: Path) -> None:
    ledger = read(tmp_path, HEADER + "1,elsewhere,b,9223372036854775807\n2,b,shop,9223372036854775807\n")
    assert ledger.refused == []
    assert rows(ledger.transfers, ledger.openings)[1].out_pos == 0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("c,", "amount '' is not a whole number of minor units"),
        ("c,-1", "amount -1 is negative"),
        (",5", "account is empty"),
        ("a,7", "account 'a' is already stated by an earlier row"),
    ],
)
def test_a_faulty_account_is_left_out_and_named(tmp_path: Path, row: str, reason: str) -> None:
    ledger = read(tmp_path, HEADER, f"account,opening_cents\na,1\n{row}\nb,0\n")
    assert [(refused.file, refused.line, refused.reason) for refused in ledger.refused] == [
        ("accounts.csv", 3, reason)
    ]
    assert [opening.account_id for opening in ledger.openings] == ["a", "b"]


def test_an_unknown_kind_is_a_faulty_account(tmp_path: Path) -> None:
    ledger = read(tmp_path, HEADER, "account,opening_cents,kind\na,1,casino\nb,0,crypto\n")
    assert ledger.refused[0].reason.startswith("kind 'casino' is none of wallet, pooling, bank")
    assert [opening.kind for opening in ledger.openings] == [AccountKind.CRYPTO]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "it has no column tx_id"),
        ("tx_id,src,dst\n1,a,b\n", "it has no column amount_cents"),
        ("tx_id,src,src,dst,amount_cents\n1,a,a,b,5\n", "it has more than one column src"),
        (HEADER.encode() + b"1,a,\xff\xfe,5\n", "line 2 is not UTF-8"),
        ((HEADER + "1,a,b,5\n").encode("utf-16"), "line 1 is not UTF-8"),
        (HEADER + "1,a,b," + "9" * 10_000_000 + "\n", "line 2 is longer than 1048576 bytes"),
        (HEADER + '1,a,"b' + ",c" * 100_000 + "\n", "line 2 is not CSV"),
        (HEADER + '1,a,"b,5\n2,a,b,5\n', "is not CSV"),
        (HEADER + "1,a,b,5\n2;a;b;5\n3;a;b;5\n", "2 of 3 rows do not fit its header"),
        (gzip.compress((HEADER + "1,a,b,5\n" * 5000).encode())[:-20], "its gzip data is damaged or cut off"),
        (b"\x1f\x8b\x08\x00 this is no gzip", "its gzip data is damaged or cut off"),
        (b"PAR1\x15\x04", "its Parquet data is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value and len(value) < 80 else "",
)
def test_a_broken_file_is_refused_whole(tmp_path: Path, content: str | bytes, what: str) -> None:
    assert what in refusal(tmp_path, content)


def test_either_file_can_be_the_broken_one(tmp_path: Path) -> None:
    assert "accounts.csv was refused" in refusal(tmp_path, HEADER, "account\na\n")
    with pytest.raises(StanchError) as refused:
        read_ledger(tmp_path / "nothing.csv", tmp_path / "accounts.csv")
    assert refused.value.code is ErrorCode.FILE_BROKEN
    with pytest.raises(StanchError) as refused:
        read_ledger(tmp_path, tmp_path)
    assert refused.value.code is ErrorCode.FILE_BROKEN


def test_gzip_is_known_by_its_first_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    content = (HEADER + "1,a,b,5\n").encode()
    plain = read(tmp_path, content)
    packed = read(tmp_path, gzip.compress(content), gzip.compress(ACCOUNTS.encode()))
    assert packed == plain


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + HEADER + "1,a,b,5\n",
        (HEADER + "1,a,b,5\n").replace("\n", "\r\n"),
        HEADER + "1,a,b,5",
        HEADER + "\n1,a,b,5\n\n",
        "tx_id,src,dst,amount_cents,note\n" + '1,"a","b",5,"two\nlines, and ""quotes"""\n',
    ],
)
def test_the_same_table_in_other_dress(tmp_path: Path, content: str) -> None:
    ledger = read(tmp_path, content)
    assert [(row.transfer_id, row.src, row.dst, row.amount) for row in ledger.transfers] == [
        ("1", "a", "b", 5)
    ]
    assert ledger.refused == []


def test_steps_become_minutes_and_rows_of_one_step_stay_in_order(tmp_path: Path) -> None:
    body = "".join(f"{number},{step},a,b,1\n" for number, step in enumerate([0, 0, 2, 1, "soon", 3]))
    ledger = read(tmp_path, "tx_id,step,src,dst,amount_cents\n" + body)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    two = start + timedelta(minutes=2)
    assert [row.posted_at for row in ledger.transfers] == [
        start,
        start + tick,
        two,
        two + tick,
        two + 2 * tick,
        start + timedelta(minutes=3),
    ]
    assert "step n is posted n minutes after 2025-01-01T00:00:00+00:00" in ledger.mapping
    assert "1 rows had no usable time" in ledger.mapping
    assert "1 rows went back in time" in ledger.mapping


def test_a_file_may_tell_its_times_or_have_none(tmp_path: Path) -> None:
    told = read(tmp_path, "tx_id,time,src,dst,amount_cents\n1,2026-05-01T10:00:00+02:00,a,b,1\n")
    assert told.transfers[0].posted_at == datetime(2026, 5, 1, 8, tzinfo=UTC)
    silent = read(tmp_path, HEADER + "1,a,b,1\n2,a,b,1\n")
    assert silent.transfers[1].posted_at - silent.transfers[0].posted_at == timedelta(minutes=1)
    assert "states no time" in silent.mapping


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([bytes, gzip.compress]))
def test_no_bytes_whatever_bring_it_down(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, pack: Callable[[bytes], bytes]
) -> None:
    content = HEADER.encode() + b"1,a,b,5\n" + noise
    try:
        ledger = read(tmp_path_factory.getbasetemp(), pack(content))
    except StanchError as refused:
        if not refused.matches(ErrorCode.FILE_BROKEN):
            raise
        return
    assert [row.seq for row in ledger.transfers] == list(range(1, len(ledger.transfers) + 1))
    rows(ledger.transfers, ledger.openings)


async def test_a_ledger_from_files_is_a_feed(tmp_path: Path) -> None:
    ledger = read(tmp_path, HEADER + "".join(f"{number},a,b,1\n" for number in range(25)))
    source = FileTransferSource(ledger)
    page = await source.after(20, 10)
    assert [row.seq for row in page.transfers] == [21, 22, 23, 24, 25]
    assert (page.head_seq, page.head_at) == (25, ledger.transfers[-1].posted_at)
    assert [opening async for batch in source.openings() for opening in batch] == ledger.openings
    assert (await FileTransferSource(read(tmp_path, HEADER)).after(0, 10)).head_at is None


def test_a_hundred_thousand_rows_take_seconds(tmp_path: Path) -> None:
    random = Random(1)
    accounts = "account,opening_cents\n" + "".join(f"{number},1000\n" for number in range(5_000))
    body = "".join(
        f"{number},{number // 1000},{random.randrange(5_000)},{random.randrange(5_000)},{random.randrange(1, 9_999)}\n"
        for number in range(100_000)
    )
    began = perf_counter()
    ledger = read(tmp_path, "tx_id,step,src,dst,amount_cents\n" + body, accounts)
    took = perf_counter() - began
    print(f"100,000 rows read in {took:.2f} s")
    assert len(ledger.transfers) == 100_000
    assert took < 10
