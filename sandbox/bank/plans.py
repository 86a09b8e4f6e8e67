"""How an institution behaves when it is asked for money back, as a list of things it will do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from sandbox.contract.bodies import Body

Behaviour = Literal[
    "return", "acknowledge", "return_part", "refuse", "late", "never", "malformed", "twice", "promise_only"
]
"""`return`: says yes and pays. `acknowledge`: says that it looks into it, then the same. `late`: the same after the first
reminder. `malformed`: writes nonsense, then says yes and pays. `twice`: says yes twice in the same words, then pays.
`promise_only`: says yes and never pays.
"""

Action = dict[str, Any]


class Plan(Body):
    """`seconds` before each thing it does; `percent` of what was asked for is what `return_part` gives."""

    behaviour: Behaviour
    seconds: Annotated[float, Field(ge=0, le=86_400)] = 0.1
    percent: Annotated[int, Field(ge=1, le=99)] = 40
    reason: Annotated[str, Field(pattern="^[A-Z0-9]{4}$")] = "CUST"


SEEDED: dict[str, Plan] = {
    "bank": Plan(behaviour="acknowledge", seconds=1.0),
    "card": Plan(behaviour="return_part", seconds=1.0),
    "cash": Plan(behaviour="refuse", seconds=1.0),
    "crypto": Plan(behaviour="never"),
    "merchant": Plan(behaviour="return", seconds=1.0),
}
"""What is usual at each kind of exit, until told otherwise."""

OTHERWISE = Plan(behaviour="never")


def actions(plan: Plan, asked: int) -> list[Action]:
    """What it will do, in order."""
    yes: Action = {"do": "answer", "status": "accepted", "amount": asked}
    pay: Action = {"do": "pay", "amount": asked}
    match plan.behaviour:
        case "return":
            return [yes, pay]
        case "acknowledge":
            return [{"do": "answer", "status": "pending"}, yes, pay]
        case "return_part":
            part = max(1, asked * plan.percent // 100)
            return [
                {"do": "answer", "status": "in_part", "amount": part},
                {"do": "pay", "amount": part},
            ]
        case "refuse":
            return [{"do": "answer", "status": "refused", "reason": plan.reason}]
        case "late":
            return [{"do": "wait_for_reminder"}, yes, pay]
        case "malformed":
            return [{"do": "nonsense"}, yes, pay]
        case "twice":
            return [yes, {"do": "again"}, pay]
        case "promise_only":
            return [yes]
        case "never":
            return []
