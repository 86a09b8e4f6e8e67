"""LIFO: a payment takes the newest layers, and they lie at the payee's in the order they lay in."""

from __future__ import annotations

from contextlib import closing
from random import Random

import pytest

from adapters.transfers.offline import OfflineLedger
from models.contracts.transfers import PostedTransfer
from tests.tracing.ledgers import covered, opening, transfer
from tests.tracing.naive_holds import Piles
from tracing.posting import rows
from tracing.rules import Rule
from tracing.trace import trace

pytestmark = pytest.mark.fast

MOVES = [
    ("A", "B"),
    ("O", "B"),
    ("A", "C"),
    ("O", "C"),
    ("C", "B"),
    ("C", "D"),
    *[("B", "C")] * 2,
    *[(payer, "X") for payer in "BCD"],
]


def carried(moves: list[PostedTransfer], thefts: list[str]) -> list[tuple[int, str, str, int]]:
    ledger = covered(moves, [opening("A", 200)])
    with closing(OfflineLedger(rows(ledger.transfers, ledger.openings))) as offline:
        found = trace(offline, rule=Rule.LIFO, thefts=thefts, currency="EUR", upto_seq=len(moves))
    return [(each.seq, each.src, each.dst, each.amount) for each in found.carried]


def test_layers_stay_in_order_when_they_move_on() -> None:
    moves = [
        transfer(1, "A", "B", 2),
        transfer(2, "O", "B", 3),
        transfer(3, "A", "B", 2),
        transfer(4, "B", "C", 7),
        transfer(5, "C", "X", 2),
        transfer(6, "C", "X", 3),
        transfer(7, "C", "X", 2),
    ]
    assert carried(moves, ["t1", "t3"])[2:] == [(4, "B", "C", 4), (5, "C", "X", 2), (7, "C", "X", 2)]


def test_many_thin_layers_agree_with_a_pile_of_single_units() -> None:
    """Theft after theft between clean deposits, and payments that take several layers at once."""
    for seed in range(60):
        random = Random(seed)
        piles = Piles(Rule.LIFO, "A")
        piles.open(opening("A", 200))
        moves: list[PostedTransfer] = []
        for seq in range(1, 50):
            src, dst = random.choice(MOVES)
            most = len(piles.free(src)) if src in "BCD" else 4
            if most == 0 or (src == "A" and seq > 20):
                src, most = "O", 4
            amount = random.randint(1, most)
            if src in "BCD" and random.random() < 0.4:
                amount = max(1, most * 3 // 4)
            moves.append(transfer(seq, src, dst, amount))
            if src == "A":
                piles.thefts.add(moves[-1].transfer_id)
            piles.post(moves[-1])
        if piles.thefts:
            assert carried(moves, sorted(piles.thefts)) == piles.edges
