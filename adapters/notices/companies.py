"""Who carries notices (notice_ports.NoticeProvider): the message gateway for texts, a mail server or the gateway for mail."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit

import aiosmtplib

from activities.notice_ports import Written
from activities.notices import EMAIL
from adapters.messages.gateway import HttpMessages
from models.digests import digest
from models.errors import ErrorCode, StanchError, WalletRefusal
from models.names import DeliveryState

SECONDS = 10.0
"""For the whole conversation with a mail server: greylisting answers at once, and nobody waits for a notice."""

TAKEN_BEFORE = "message_conflict"
"""The gateway has this id with other words: it took it from an earlier version of ours. It is sent."""

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True)
class SmtpMail:
    """One mail server. `start_tls` None: where it is offered. A password never goes over an open line."""

    host: str
    port: int
    sender: str
    username: str | None
    password: str | None
    use_tls: bool
    start_tls: bool | None

    @classmethod
    def of_url(cls, url: str, *, sender: str) -> Self:
        """From `scheme://[user:password@]host[:port]`. Errors: INVALID."""
        try:
            parts = urlsplit(url)
            port = parts.port or PORTS[parts.scheme]
            address = Address(addr_spec=parseaddr(sender)[1])
        except (ValueError, KeyError, IndexError):
            parts, port, address = None, 0, None
        if parts is None or address is None or not parts.hostname or not address.domain:
            raise StanchError(
                ErrorCode.INVALID,
                "STANCH_SMTP_URL or STANCH_MAIL_FROM is not usable. Nothing was started; write "
                "smtps://user:password@host and `Name <address@domain>`.",
            )
        username = unquote(parts.username) if parts.username else None
        must = parts.scheme == "smtp+starttls" or (parts.scheme == "smtp" and username is not None)
        return cls(
            host=parts.hostname,
            port=port,
            sender=sender,
            username=username,
            password=unquote(parts.password) if parts.password else None,
            use_tls=parts.scheme == "smtps",
            start_tls=False if parts.scheme == "smtps" else (True if must else None),
        )

    async def send(self, message_id: str, to: str, notice: Written) -> None:
        """Hand over one mail. Errors: WALLET_UNREACHABLE, WALLET_REFUSED."""
        try:
            mail = self._mail(message_id, to, notice)
            await aiosmtplib.send(
                mail,
                hostname=self.host,
                port=self.port,
                username=self.username,
                password=self.password,
                use_tls=self.use_tls,
                start_tls=self.start_tls,
                timeout=SECONDS,
            )
        except ValueError:
            raise _refused("the address cannot be written to") from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [each.code for each in error.recipients]
            raise (
                _refused(f"{codes[0]}") if all(500 <= code < 600 for code in codes) else _away(codes[0])
            ) from None
        except aiosmtplib.SMTPDataError as error:
            raise (_refused(f"{error.code}") if 500 <= error.code < 600 else _away(error.code)) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            # Also a refused login or sender: our settings, not the owner's address, so it may be right again later.
            raise _away(type(error).__name__) from None

    def _mail(self, message_id: str, to: str, notice: Written) -> EmailMessage:
        domain = parseaddr(self.sender)[1].rpartition("@")[2]
        mail = EmailMessage()
        mail["Subject"] = notice.subject
        mail["From"] = self.sender
        mail["To"] = to
        mail["Date"] = formatdate(usegmt=True)
        # The same for every attempt: SMTP has no once, but mail stores drop a second one of the same id.
        mail["Message-ID"] = f"<{digest(['notice', message_id])[:40]}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(notice.text)
        mail.add_alternative(notice.html, subtype="html")
        return mail


@dataclass(frozen=True)
class NoticeCompanies:
    """Texts by the message gateway; mail by `mail`, or by the gateway too where there is none."""

    gateway: HttpMessages
    mail: SmtpMail | None = None

    async def send(self, message_id: str, channel: str, to: str, notice: Written) -> bool:
        """See notice_ports.NoticeProvider."""
        if channel == EMAIL and self.mail is not None:
            await self.mail.send(message_id, to, notice)
            return False
        body, html = (notice.text, notice.html) if channel == EMAIL else (notice.sms, None)
        try:
            await self.gateway.send(message_id, channel, to, notice.subject, body, html)
        except WalletRefusal as error:
            if error.wallet_code != TAKEN_BEFORE:
                raise
        return True

    async def receipt(self, message_id: str, channel: str) -> DeliveryState:
        """See notice_ports.NoticeProvider."""
        del channel
        return await self.gateway.receipt(message_id)


def _away(why: object) -> StanchError:
    return StanchError(
        ErrorCode.WALLET_UNREACHABLE,
        f"The mail server took nothing ({why}). It is tried again under the same id.",
    )


def _refused(why: str) -> StanchError:
    return StanchError(
        ErrorCode.WALLET_REFUSED, f"The mail server refuses this mail for good ({why}). It was not sent."
    )
