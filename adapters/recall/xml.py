"""ISO 20022 documents: built, read and checked against their schemas, with nothing taken on trust.

What comes in is bounded in size, is UTF-8, and has no document type: so no entities, no network, no expansion.
"""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import Any, Final

from lxml import etree

from models.errors import ErrorCode, StanchError

LARGEST: Final = 256 * 1024
"""Bytes. An answer about one payment has about two thousand."""

PACKAGE: Final = "camt-exceptions"
"""Where the two schema files come from. They are read as files: none of the package's code is ever loaded."""

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


@cache
def schema(message: str) -> etree.XMLSchema:
    """The schema of `message` (`camt.056.001.12`), read once. Errors: INTERNAL when the package does not hold it."""
    files = importlib.metadata.files(PACKAGE) or []
    found = next((file for file in files if file.name == f"{message}.xsd"), None)
    if found is None:
        raise StanchError(
            ErrorCode.INTERNAL,
            f"The schema of {message} is not installed. Nothing was sent; run `make environment`.",
        )
    return etree.XMLSchema(etree.fromstring(found.locate().read_bytes(), _parser()))  # type: ignore[attr-defined]


def parse(raw: bytes, message: str) -> Any:
    """The root of a valid document of this message.

    Errors: INVALID, saying what is wrong without repeating what was in it.
    """
    if len(raw) > LARGEST:
        raise malformed(f"it is larger than {LARGEST // 1024} KiB")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("it is not UTF-8") from None
    # Before any parser sees it; looked for again afterwards, should a parser see what this did not.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise malformed("it has a document type")
    try:
        root = etree.fromstring(raw, _parser())
    except (etree.XMLSyntaxError, ValueError):
        raise malformed("it is not XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise malformed("it has a document type")
    if root.tag != f"{{{NAMESPACE}{message}}}Document":
        raise malformed(f"it is not a {message}")
    rules = schema(message)
    if not rules.validate(root):
        raise malformed(f"it breaks the schema of {message} at {_place(root, rules)}")
    return root


def _place(root: Any, rules: etree.XMLSchema) -> str:
    """The name of the first element that is wrong: a word of the standard's, never what the sender wrote into it."""
    for error in rules.error_log:
        found = root.xpath(error.path) if error.path else []
        name = etree.QName(found[0]).localname if found else ""
        if name.isascii() and name.isalnum() and len(name) <= 30:
            return str(name)
    return "its root"


def written(root: Any, message: str) -> bytes:
    """The bytes of a document that we built. Errors: INTERNAL when it breaks its schema; nothing is sent then."""
    rules = schema(message)
    if not rules.validate(root):
        places = "; ".join(sorted({str(error.path) for error in rules.error_log})[:3])
        raise StanchError(
            ErrorCode.INTERNAL,
            f"A {message} of ours breaks its schema at {places}. Nothing was sent; report this.",
        )
    content: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return content


def add(parent: Any, path: str, text: str | None = None, **attributes: str) -> Any:
    """Append the elements of `path` (`Agt/FinInstnId/BICFI`), the last one with `text`; gives the last."""
    namespace = etree.QName(parent).namespace
    for name in path.split("/"):
        parent = etree.SubElement(parent, f"{{{namespace}}}{name}")
    parent.text = text
    for name, value in attributes.items():
        parent.set(name, value)
    return parent


def document(message: str, body: str) -> tuple[Any, Any]:
    """(root, its one child): an empty document of this message."""
    namespace = f"{NAMESPACE}{message}"
    root = etree.Element(f"{{{namespace}}}Document", nsmap={None: namespace})
    return root, etree.SubElement(root, f"{{{namespace}}}{body}")


def one(parent: Any, path: str) -> Any | None:
    """The first element at `path` below `parent`, in its namespace; None when there is none."""
    namespace = etree.QName(parent).namespace
    return parent.find("/".join(f"{{{namespace}}}{name}" for name in path.split("/")))


def every(parent: Any, path: str) -> list[Any]:
    """Every element at `path` below `parent`, in its namespace."""
    namespace = etree.QName(parent).namespace
    found: list[Any] = parent.findall("/".join(f"{{{namespace}}}{name}" for name in path.split("/")))
    return found


def text_at(parent: Any, path: str) -> str | None:
    """The text of the first element at `path`, without space around it; None when it is not there or empty."""
    found = one(parent, path)
    text = None if found is None else (found.text or "").strip()
    return text or None


def malformed(why: str) -> StanchError:
    """An answer that cannot be read."""
    return StanchError(
        ErrorCode.INVALID,
        f"This answer cannot be read: {why}. It is kept and shown; nothing was done with it.",
    )
