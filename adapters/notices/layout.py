"""How a notice looks: plain text, and HTML that says the same on a phone. No links, no images, nothing loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Block:
    """One notice in one language. `parts`: heading, and a paragraph or the items of a list."""

    tag: str
    subject: str
    parts: tuple[tuple[str, str | tuple[str, ...]], ...]
    foot: str
    sms: str


FONT = "font-family:-apple-system,'Segoe UI',Roboto,'PingFang SC','Noto Sans SC','Microsoft YaHei',sans-serif"


def in_plain_text(blocks: Sequence[Block]) -> str:
    """All languages, one after the other."""
    return "\n\n".join(
        "\n\n".join([block.subject, *(f"{head}\n{_lines(said)}" for head, said in block.parts), block.foot])
        for block in blocks
    ).join(("", "\n"))


def _lines(said: str | tuple[str, ...]) -> str:
    return said if isinstance(said, str) else "\n".join(f"- {item}" for item in said)


def in_html(company: str, blocks: Sequence[Block]) -> str:
    """The same for a mail reader: one column, styles in place, for many readers drop everything else."""
    inside = "".join(_block(block, first=index == 0) for index, block in enumerate(blocks))
    return (
        f'<!doctype html><html lang="{escape(blocks[0].tag)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light">'
        f"<title>{escape(blocks[0].subject)}</title></head>"
        f'<body style="margin:0;padding:16px;background:#f2f4f6;color:#1c2430;{FONT}">'
        '<div style="max-width:560px;margin:0 auto;padding:20px;background:#ffffff;border-radius:8px">'
        f'<p style="margin:0 0 16px;font-size:14px;font-weight:600;color:#4a5565">{escape(company)}</p>'
        f"{inside}</div></body></html>"
    )


def _block(block: Block, *, first: bool) -> str:
    line = "" if first else "margin-top:28px;padding-top:24px;border-top:1px solid #d5dae1;"
    parts = "".join(
        f'<h2 style="margin:18px 0 4px;font-size:15px;line-height:1.4">{escape(head)}</h2>{_body(said)}'
        for head, said in block.parts
    )
    return (
        f'<div lang="{escape(block.tag)}" style="{line}">'
        f'<h1 style="margin:0;font-size:21px;line-height:1.3">{escape(block.subject)}</h1>{parts}'
        f'<p style="margin:22px 0 0;font-size:13px;line-height:1.5;color:#4a5565;overflow-wrap:anywhere">{escape(block.foot)}</p></div>'
    )


def _body(said: str | tuple[str, ...]) -> str:
    if isinstance(said, str):
        return f'<p style="margin:0;font-size:16px;line-height:1.55">{escape(said)}</p>'
    items = "".join(f"<li>{escape(item)}</li>" for item in said)
    return f'<ul style="margin:0;padding-left:20px;font-size:16px;line-height:1.55">{items}</ul>'
