"""What an agent reads of a reset that is not complete: for each thing what happened, what is safe, and what to do."""

from __future__ import annotations

from models.errors import ErrorCode
from models.names import SecurityItem

SAFE = "The account stays frozen and nothing is given back."
AGAIN = "then choose try_again: only what is missing is done again."


def failed(item: SecurityItem, code: str) -> str:
    """The reset of this item did not happen, with this stable code at its root."""
    if code == ErrorCode.WALLET_REFUSED:
        return f"The wallet refused to reset {item}. {SAFE} Ask the wallet's operator why and have the reason removed, {AGAIN}"
    if code == ErrorCode.ACCOUNT_UNKNOWN:
        return f"The wallet does not know this account any more, so {item} cannot be reset. {SAFE} Ask the wallet's operator, {AGAIN}"
    if code == ErrorCode.WALLET_UNREACHABLE:
        return (
            f"The wallet gave no usable answer for {item} in several tries; whether it acted is unknown, and the next try under "
            f"the same key tells. {SAFE} See that the wallet answers, {AGAIN} Until you do, it is tried again by itself."
        )
    return (
        f"The reset of {item} ended with {code} in several tries. {SAFE} See the worker's log for the cause, {AGAIN} "
        "Until you do, it is tried again by itself."
    )


def waits(item: SecurityItem, missing: tuple[SecurityItem, ...]) -> str:
    """The reset of this item was not begun, since what must come before it is missing."""
    first = " and ".join(missing)
    return f"{item} waits for {first} and was not begun. {SAFE} Nothing is to be done for it but to mend {first}."


def without_receipt(item: SecurityItem) -> str:
    """Nothing says that this item was reset."""
    return f"There is no receipt for {item}. {SAFE} Choose try_again: it is reset then."


def not_shown(item: SecurityItem) -> str:
    """The wallet's account has no such item."""
    return (
        f"The wallet does not show {item}, so nobody can see that it is clean. {SAFE} Have the wallet's operator show it "
        f"(an empty list, if there is none), {AGAIN}"
    )


def still_active(item: SecurityItem, number: int) -> str:
    """The wallet gave its receipt, and the account shows something else."""
    return (
        f"{number} of {item} that should be gone still stand at the wallet, in spite of its receipt. {SAFE} Have the wallet's "
        f"operator end them by hand (`stanch incident security` names them), {AGAIN}"
    )


def not_restored(item: SecurityItem, number: int) -> str:
    """The wallet gave its receipt, and what was taken away since is still missing."""
    return (
        f"{number} of {item} that were taken away since the compromise time (who may vouch for the owner) are not back at the "
        f"wallet, in spite of its receipt. {SAFE} Have the wallet's operator restore them by hand (`stanch incident security` "
        f"names them), {AGAIN}"
    )


def not_read_back(code: str) -> str:
    """Everything may be reset, and nobody has seen it."""
    return (
        f"The account could not be read back ({code}), so nobody has seen that this is clean. {SAFE} See that the wallet "
        f"answers, {AGAIN} Until you do, it is tried again by itself."
    )


def not_looked(code: str) -> str:
    """Whether anything is in flight is not known."""
    return (
        f"Whether payments are in flight could not be seen ({code}). {SAFE} While the freeze stands none moves money. See that "
        "the wallet answers for the payments of an account (with an empty list, where it has none of that kind), "
        f"{AGAIN} Until you do, it is tried again by itself."
    )


def not_stopped(code: str) -> str:
    """This payment may move money as soon as the freeze ends."""
    return (
        f"This payment could not be stopped ({code}). {SAFE} While the freeze stands it moves no money. Have the wallet's "
        f"operator stop it by hand, {AGAIN}"
    )


def not_all_stopped(number: int) -> str:
    """So many payments may move money as soon as the freeze ends, beside those that are named."""
    return f"{number} more payments in flight are not stopped yet. {SAFE} Mend what is named for the others, {AGAIN}"
