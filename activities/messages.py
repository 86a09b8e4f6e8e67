"""The texts that carry a one-time code: English and Simplified Chinese, no links, nothing about the case."""

from __future__ import annotations


def code_message(code: str, reference: str) -> tuple[str, str]:
    """(subject, body) of the message with one code. Never log what this returns."""
    subject = "Your account security code / 账户安全验证码"
    body = (
        f"Stanch code {code} for reference {reference}. "
        "Only enter it where you report your stolen account. We never ask for it by phone. "
        f"安全验证码 {code},仅用于找回您的账户,切勿告诉任何人。"
    )
    return subject, body
