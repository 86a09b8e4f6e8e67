"""The rules by which stolen money is told from clean money in a mixed account. One trace follows one rule, never two."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """How much of a payment of x is stolen, when the account holds B, of it T stolen, and B' = B - x is left.

    All of them conserve: max(0, T - B') <= stolen part <= min(T, x). They differ in nothing else.
    """

    FIFO = "fifo"
    """Oldest units first. Clayton's Case (1816) 1 Mer 572: England's default for a running account."""

    LIBR = "libr"
    """Own money first: max(0, T - B'); deposits never refill T. Re Hallett (1880), Roscoe v Winder (1915); the US standard."""

    PRO_RATA = "pro_rata"
    """T * x / B, rounded half up and clamped. Barlow Clowes v Vaughan (1991): where the order of payments is unjust."""

    LIFO = "lifo"
    """Newest units first. Used in practice, by courts rarely; whoever splits payments steers it."""

    DIRTY_FIRST = "dirty_first"
    """min(T, x). Banco Cafetero, 797 F.2d 1154 (2d Cir. 1986): the drugs-in, first-out choice."""
