"""The texts that people get: English and Simplified Chinese, no links, nothing about anybody else's case."""

from __future__ import annotations

from activities.wallet_ports import Messages
from models.contracts.steps import Refusal
from models.contracts.wallet import ContactKind, ContactPoint
from models.errors import ErrorCode, StanchError


async def send_to(
    messages: Messages, message_id: str, point: ContactPoint, words: tuple[str, str]
) -> Refusal | None:
    """Hand one message over; the refusal where nothing can ever be sent to this address.

    That is no error: one such address must not take the codes of the others with it. Errors: WALLET_UNREACHABLE.
    """
    channel = "sms" if point.kind is ContactKind.PHONE else "email"
    try:
        await messages.send(message_id, channel, point.value, *words)
    except StanchError as error:
        if not error.matches(ErrorCode.WALLET_REFUSED):
            raise
        return Refusal(code=error.code, message=error.message)
    return None


def code_message(code: str, reference: str) -> tuple[str, str]:
    """(subject, body) of the message with one code. Never log what this returns."""
    subject = "Your account security code / 账户安全验证码"
    body = (
        f"Stanch code {code} for reference {reference}. "
        "Only enter it where you report your stolen account. We never ask for it by phone. "
        f"安全验证码 {code},仅用于找回您的账户,切勿告诉任何人。"
    )
    return subject, body


def credential_message(code: str, reference: str) -> tuple[str, str]:
    """(subject, body) of the message with the code for a new password. Never log what this returns."""
    subject = "Your code for a new password / 设置新密码的验证码"
    body = (
        f"Somebody asks for a new password for your wallet. If it is you: Stanch code {code} for reference {reference}. "
        "If it is not, do nothing, and tell this code to nobody. "
        f"有人申请重设您的钱包密码。如非本人操作,请忽略,并切勿告诉任何人。验证码 {code}。"
    )
    return subject, body


def trusted_message(code: str, reference: str) -> tuple[str, str]:
    """(subject, body) of the message to a trusted contact: what is asked, and what they confirm by answering."""
    subject = "Somebody who trusts you asks for your help / 信任您的人请求帮助"
    body = (
        "Somebody who named you as a trusted contact is getting a stolen account back. By telling them this code you confirm "
        "that you have spoken with them yourself and know that it is them. If nobody you know has called you, tell it to "
        f"nobody: somebody else may be pretending. Stanch code {code} for reference {reference}. "
        f"您是对方指定的可信联系人。仅在您亲自与其通话并确认身份后,才告知验证码 {code}。"
    )
    return subject, body
