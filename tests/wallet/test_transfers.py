"""The wallet's feed as a source of transfers."""

from __future__ import annotations

from adapters.wallet.connection import WalletConnection
from adapters.wallet.transfers import WalletTransferSource
from models.contracts.transfers import AccountKind
from tests.running_sandbox import RunningSandbox


async def test_postings_come_gapless_and_whole(sandbox: RunningSandbox, connection: WalletConnection) -> None:
    source = WalletTransferSource(connection)
    seq, seen = 0, []
    while True:
        page = await source.after(seq, 5_000)
        seen += [each.seq for each in page.transfers]
        if seq == (seq := seen[-1] if seen else 0):
            break
    assert seen == list(range(1, page.head_seq + 1))
    assert page.head_at is not None
    raw = sandbox.ask("GET", "/v1/transfers", params={"after_seq": 10, "limit": 3}).json()["transfers"]
    ours = await source.after(10, 3)
    for wire, parsed in zip(raw, ours.transfers, strict=True):
        told = parsed.model_dump(mode="json", exclude_none=True)
        assert {name: wire[name] for name in ("seq", "transfer_id", "src", "dst", "amount", "currency")} == {
            name: told[name] for name in ("seq", "transfer_id", "src", "dst", "amount", "currency")
        }
    assert any(each.bank is not None for each in (await source.after(0, 10_000)).transfers)


async def test_openings_come_whole(connection: WalletConnection) -> None:
    source = WalletTransferSource(connection)
    openings = [each async for page in source.openings() for each in page]
    assert len({(each.account_id, each.currency) for each in openings}) == len(openings)
    kinds = {each.kind for each in openings}
    assert AccountKind.WALLET in kinds
    assert all(each.amount == 0 for each in openings if each.kind.is_exit)
