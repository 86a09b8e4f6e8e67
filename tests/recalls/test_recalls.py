"""Asked, answered, paid back: recalls from the first message to the last, at institutions that behave as they please."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from adapters.sql.engine import make_engine, transaction
from models.contracts.policy import RecallPolicy
from models.contracts.recalls import RecallEnding, RecallTransferResult
from models.contracts.transfers import AccountKind, TransferStatus
from models.errors import ErrorCode
from tests.recalls.house import PATIENT, QUICK, Recalls, new_incident

DONE = "done"
CHASED = RecallPolicy(chase_seconds=(1, 2), give_up_seconds=600, look_seconds=1)
"""For an institution that answers after it was chased, however slow the machine is."""
ENOUGH = RecallPolicy(chase_seconds=(1, 2), give_up_seconds=7, look_seconds=1)
"""For one that is given up: time for what comes before on a slow machine. Real spans are told in tests/clocks."""


def sums(result: RecallTransferResult) -> tuple[RecallEnding, int, int, int]:
    return result.ending, result.asked, result.promised, result.received


async def test_every_way_an_institution_can_behave(recalls: Recalls) -> None:
    """All at once: each exit has its own institution, and the three sums never mix."""
    behaviour: dict[str, tuple[str, RecallPolicy, dict[str, Any]]] = {
        "exit-bank-01": ("acknowledge", PATIENT, {}),
        "exit-bank-02": ("return_part", PATIENT, {"percent": 40}),
        "exit-bank-03": ("refuse", PATIENT, {"reason": "AM04"}),
        "exit-bank-04": ("late", CHASED, {}),
        "exit-crypto-01": ("never", ENOUGH, {}),
        "exit-bank-05": ("malformed", PATIENT, {}),
        "exit-bank-06": ("twice", PATIENT, {}),
        "exit-card-01": ("return_part", PATIENT, {"percent": 25}),
        "exit-cash-01": ("refuse", PATIENT, {"reason": "LEGL"}),
        "exit-card-02": ("promise_only", ENOUGH, {}),
        "exit-cash-02": ("return", ENOUGH, {}),
    }
    incident_id = await new_incident(recalls.wiring, recalls.sandbox)
    transfers = {}
    for exit_account, (kind, _, more) in behaviour.items():
        recalls.plan(exit_account, kind, **more)
        transfers[exit_account] = await recalls.left(exit_account, 10_000)
    # Nobody is set up for merchants: it is tried again and shown, and never sent.
    transfers["exit-cash-02"] = transfers["exit-cash-02"].model_copy(
        update={"exit_kind": AccountKind.MERCHANT}
    )
    handles = {
        exit_account: await recalls.ask(transfers[exit_account], policy=policy, incident_id=incident_id)
        for exit_account, (_, policy, _) in behaviour.items()
    }
    results = dict(
        zip(handles, await asyncio.gather(*(recalls.end(each) for each in handles.values())), strict=True)
    )
    assert {exit_account: sums(result) for exit_account, result in results.items()} == {
        "exit-bank-01": (RecallEnding.RETURNED, 10_000, 10_000, 10_000),
        "exit-bank-02": (RecallEnding.RETURNED_IN_PART, 10_000, 4_000, 4_000),
        "exit-bank-03": (RecallEnding.REFUSED, 10_000, 0, 0),
        "exit-bank-04": (RecallEnding.RETURNED, 10_000, 10_000, 10_000),
        "exit-crypto-01": (RecallEnding.UNANSWERED, 10_000, 0, 0),
        "exit-bank-05": (RecallEnding.RETURNED, 10_000, 10_000, 10_000),
        "exit-bank-06": (RecallEnding.RETURNED, 10_000, 10_000, 10_000),
        "exit-card-01": (RecallEnding.RETURNED_IN_PART, 10_000, 2_500, 2_500),
        "exit-cash-01": (RecallEnding.REFUSED, 10_000, 0, 0),
        "exit-card-02": (RecallEnding.UNANSWERED, 10_000, 10_000, 0),
        "exit-cash-02": (RecallEnding.UNANSWERED, 10_000, 0, 0),
    }

    assert await recalls.kinds(transfers["exit-bank-01"]) == [
        ("recall_open", DONE),
        ("recall_send", DONE),
        ("recall_answer", DONE),
        ("recall_answer", DONE),
        ("recall_money", DONE),
        ("recall_close", DONE),
    ]
    assert (await recalls.kinds(transfers["exit-crypto-01"]))[1:] == [
        ("recall_send", DONE),
        ("recall_chase", DONE),
        ("recall_chase", DONE),
        ("recall_close", DONE),
    ]
    unsent = await recalls.kinds(transfers["exit-cash-02"])
    assert unsent.count(("recall_send", "refused")) >= 2
    assert ("recall_send", DONE) not in unsent
    refused = recalls.gateway.ask(
        "GET", f"/v1/recalls/{recalls.recall_id(transfers['exit-bank-03'], incident_id)}", as_="auditor"
    ).json()["recall"]
    assert (refused["answer"], refused["refusal"], refused["ending"]) == ("refused", "no_money", "refused")

    listed = recalls.gateway.ask("GET", f"/v1/recalls?incident_id={incident_id}").json()
    assert listed["totals"] == [
        {"currency": "CNY", "pending": 0, "recalled": 46_500, "lost": 63_500, "promised": 56_500}
    ]
    contents = [
        recalls.gateway.ask("GET", f"/v1/recalls/answers/{each['answer_id']}").json()["content"]
        for each in listed["quarantined"]
    ]
    assert contents.count("<Document>we do not know what you mean") == 1

    # The second of two equal answers is the first one: one row, acted on once.
    twice = recalls.gateway.ask(
        "GET", f"/v1/recalls/{recalls.recall_id(transfers['exit-bank-06'], incident_id)}"
    ).json()
    assert [each["verdict"] for each in twice["answers"]] == ["matched"]
    assert [each["kind"] for each in twice["messages"]] == ["recall"]


async def test_a_payout_that_the_wallet_can_stop_is_stopped_and_nobody_is_asked(recalls: Recalls) -> None:
    transfer = (await recalls.left("exit-bank-07", 3_000)).model_copy(
        update={"status": TransferStatus.PENDING}
    )
    before = recalls.sandbox.balance(recalls.mule.account_id)["balance"]
    result = await recalls.end(await recalls.ask(transfer))
    assert sums(result) == (RecallEnding.CANCELLED, 3_000, 0, 0)
    assert recalls.sandbox.balance(recalls.mule.account_id)["balance"] == before + 3_000
    assert [kind for kind, _ in await recalls.kinds(transfer)] == [
        "recall_open",
        "cancel_payout",
        "recall_close",
    ]
    assert recalls.asked(recalls.recall_id(transfer))["recalls"] == []


async def test_one_that_has_left_meanwhile_is_recalled(recalls: Recalls) -> None:
    recalls.plan("exit-bank-08", "return")
    settled = await recalls.left("exit-bank-08", 3_000)
    await _settle(recalls, settled.transfer_id)
    result = await recalls.end(
        await recalls.ask(settled.model_copy(update={"status": TransferStatus.PENDING}))
    )
    assert sums(result) == (RecallEnding.RETURNED, 3_000, 3_000, 3_000)
    assert ("cancel_payout", "refused") in await recalls.kinds(settled)


async def test_only_the_stolen_part_is_asked_and_a_unit_is_counted_for_one_incident_only(
    recalls: Recalls,
) -> None:
    """One payment carried money of two thefts, and half of it comes back: the earlier theft is served first."""
    recalls.plan("exit-bank-01", "return_part", percent=50, seconds=0.5)
    transfer = await recalls.left("exit-bank-01", 10_000)
    second = await new_incident(recalls.wiring, recalls.sandbox)
    first = await recalls.ask(transfer.model_copy(update={"stolen": 3_000}))
    await recalls.until_rows(
        "SELECT 1 FROM recall WHERE id = :id AND sent_at IS NOT NULL", id=recalls.recall_id(transfer)
    )
    later = await recalls.ask(
        transfer.model_copy(update={"stolen": 4_000}), incident_id=second, policy=ENOUGH
    )
    assert sums(await recalls.end(first)) == (RecallEnding.RETURNED, 3_000, 3_000, 3_000)
    assert sums(await recalls.end(later)) == (RecallEnding.RETURNED_IN_PART, 4_000, 4_000, 2_000)
    (totals,) = await recalls.wiring.recalls.totals(second)
    assert (totals.pending, totals.recalled, totals.lost) == (0, 2_000, 2_000)


async def test_a_recall_is_withdrawn_when_nothing_was_stolen(recalls: Recalls) -> None:
    """By the end of its incident as a false alarm, and by word."""
    recalls.plan("exit-bank-02", "never")
    incident_id = await new_incident(recalls.wiring, recalls.sandbox)
    transfers = [await recalls.left("exit-bank-02", amount) for amount in (1_000, 1_100)]
    handles = [await recalls.ask(each, incident_id=incident_id) for each in transfers]
    for transfer in transfers:
        await recalls.until_rows(
            "SELECT 1 FROM recall WHERE id = :id AND sent_at IS NOT NULL",
            id=recalls.recall_id(transfer, incident_id),
        )
    assert await recalls.wiring.recalls.ask_withdrawal(incident_id, transfers[0].transfer_seq)
    assert (await recalls.end(handles[0])).ending is RecallEnding.WITHDRAWN
    assert not await recalls.wiring.recalls.ask_withdrawal(incident_id, transfers[0].transfer_seq)
    recalls.sandbox.fault("POST /bank/recalls", "error", status=422)
    recalls.gateway.rows(
        "UPDATE incident SET outcome = 'false_alarm', status = 'closed', closed_at = now() WHERE id = :id",
        id=incident_id,
    )
    recall_id = recalls.recall_id(transfers[1], incident_id)
    (task,) = await recalls.until_rows(
        "SELECT id, action->>'code' AS code FROM decision_task WHERE action->>'recall_id' = :id", id=recall_id
    )
    assert task.code == ErrorCode.INSTITUTION_REFUSED
    (kept,) = await recalls.rows("SELECT state FROM recall WHERE id = :id", id=recall_id)
    assert kept.state == "sent", "the bank still pursues the payee: nothing is over yet"
    said = recalls.gateway.ask(
        "POST", f"/v1/decisions/{task.id}/request", {"choice": "try_again", "reason": "they mended it"}
    )
    assert said.status_code == 201, said.text
    assert (await recalls.end(handles[1])).ending is RecallEnding.WITHDRAWN
    asked = recalls.asked(recalls.recall_id(transfers[1], incident_id))
    assert [each["kind"] for each in asked["messages"]] == ["recall", "withdrawal"]
    assert await recalls.wiring.recalls.totals(incident_id) == ()


async def test_an_institution_whose_answer_is_lost_has_one_recall(recalls: Recalls) -> None:
    """The message is there and we do not know it: the same message again is the same message."""
    recalls.plan("exit-bank-03", "return")
    transfer = await recalls.left("exit-bank-03", 2_000)
    recalls.sandbox.fault("POST /bank/recalls$", "lost_answer")
    result = await recalls.end(await recalls.ask(transfer))
    assert result.ending is RecallEnding.RETURNED
    asked = recalls.asked(recalls.recall_id(transfer))
    assert [each["kind"] for each in asked["messages"]] == ["recall"]
    attempts = await recalls.rows(
        "SELECT count(*) AS n FROM step_attempt WHERE incident_id = :id AND step_key = :key",
        id=recalls.incident_id,
        key=f"recall/{transfer.transfer_seq}/recall",
    )
    assert attempts[0].n >= 1


async def test_money_that_comes_after_the_end_is_recalled_all_the_same(recalls: Recalls) -> None:
    recalls.plan("exit-bank-04", "return", seconds=6)
    incident_id = await new_incident(recalls.wiring, recalls.sandbox)
    transfer = await recalls.left("exit-bank-04", 2_000)
    hasty = QUICK.model_copy(update={"chase_seconds": (), "give_up_seconds": 1})
    result = await recalls.end(await recalls.ask(transfer, policy=hasty, incident_id=incident_id))
    assert result.ending is RecallEnding.UNANSWERED
    (lost,) = await recalls.wiring.recalls.totals(incident_id)
    assert (lost.recalled, lost.lost) == (0, 2_000)
    recall_id = recalls.recall_id(transfer, incident_id)
    await recalls.until_rows(
        "SELECT 1 FROM recall_answer WHERE recall_id = :id AND quarantine = 'recall_closed'", id=recall_id
    )
    async with asyncio.timeout(20):
        while (await recalls.wiring.recalls.totals(incident_id))[0].recalled == 0:
            await asyncio.sleep(0.2)
            await recalls.wiring.index.catch_up(budget=timedelta(seconds=5))
    (found,) = await recalls.wiring.recalls.totals(incident_id)
    assert (found.pending, found.recalled, found.lost) == (0, 2_000, 0)


async def test_money_is_known_by_its_reference_too(recalls: Recalls) -> None:
    """A bank that pays anew instead of undoing the payout; what another bank pays in with the same words is not it."""
    recalls.plan("exit-bank-05", "never")
    incident_id = await new_incident(recalls.wiring, recalls.sandbox)
    transfer = await recalls.left("exit-bank-05", 2_000)
    assert transfer.bank is not None
    handle = await recalls.ask(transfer, incident_id=incident_id)
    await recalls.until_rows(
        "SELECT 1 FROM recall WHERE id = :id AND sent_at IS NOT NULL",
        id=recalls.recall_id(transfer, incident_id),
    )
    for number, src in enumerate(("exit-bank-06", "exit-bank-05")):
        recalls.gateway.rows(
            "INSERT INTO transfer_index (seq, part, transfer_id, src, dst, src_kind, dst_kind, currency, amount, "
            "posted_at, status, bank) VALUES (:seq, 0, :id, :src, :dst, 'bank', 'wallet', 'CNY', 2000, now(), "
            "'settled', jsonb_build_object('uetr', CAST(:uetr AS text)))",
            seq=10**15 + number,
            id=f"paid-in-{number}",
            src=src,
            dst=transfer.payer,
            uetr=transfer.bank.uetr,
        )
        if number == 0:
            (totals,) = await recalls.wiring.recalls.totals(incident_id)
            assert (totals.pending, totals.recalled) == (2_000, 0)
    result = await recalls.end(handle)
    assert sums(result) == (RecallEnding.RETURNED, 2_000, 0, 2_000)
    recalls.gateway.rows("DELETE FROM transfer_index WHERE seq >= 1000000000000000")


async def _settle(recalls: Recalls, transfer_id: str) -> None:
    """The payout's time at the wallet is over."""
    engine = make_engine(recalls.sandbox.database_url, pool=1)
    try:
        async with transaction(engine) as connection:
            await connection.execute(
                text("UPDATE wallet.transfer SET settles_at = posted_at WHERE transfer_id = :id"),
                {"id": transfer_id},
            )
    finally:
        await engine.dispose()


async def test_a_recall_that_fails_for_good_asks_people_and_goes_on_when_they_say_so(
    recalls: Recalls,
) -> None:
    recalls.plan("exit-bank-01", "never")
    transfer = await recalls.left("exit-bank-01", 5_000)
    recalls.sandbox.fault("GET /v1/transfers", "error", count=100_000, status=409)
    handle = await recalls.ask(transfer)
    (task,) = await recalls.until_rows(
        "SELECT id FROM decision_task WHERE kind = 'recovery_stuck' AND action->>'recall_id' = :id",
        id=recalls.recall_id(transfer),
    )
    assert await recalls.kinds(transfer) == [("recall_open", DONE)], "it could not even be sent"
    recalls.sandbox.clear_faults()
    chosen = recalls.gateway.ask(
        "POST", f"/v1/decisions/{task.id}/request", {"choice": "try_again", "reason": "the feed is back"}
    )
    assert chosen.status_code == 201, chosen.text
    await recalls.until_rows(
        "SELECT 1 FROM decision_task, recall WHERE decision_task.id = :id AND decision_task.closed_at IS NOT NULL "
        "AND recall.id = :recall_id AND recall.sent_at IS NOT NULL",
        id=task.id,
        recall_id=recalls.recall_id(transfer),
    )
    assert (await recalls.kinds(transfer))[:2] == [("recall_open", DONE), ("recall_send", DONE)]
    await handle.terminate("the test is over")
