"""Mail over SMTP, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from adapters.notices.companies import SmtpMail
from adapters.wiring import Wiring
from cli.embedded.ports import free_port
from models.errors import ErrorCode, StanchError
from models.names import NoticeState
from tests.notices.house import House, settings
from tests.running_sandbox import RunningSandbox


class Mailbox:
    """What a mail server has taken. `refuse` answers instead."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], EmailMessage]] = []
        self.refuse: str | None = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the server's name
        del server, session
        if self.refuse is not None:
            return self.refuse
        assert isinstance(envelope.content, bytes)
        mail: Any = message_from_bytes(envelope.content, policy=policy.default)
        self.taken.append((list(envelope.rcpt_tos), mail))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, str]]:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield mailbox, f"smtp://127.0.0.1:{controller.port}"
    finally:
        controller.stop()


async def test_mail_goes_to_the_mail_server_as_text_and_html_and_texts_to_the_gateway(
    notice_wallet: RunningSandbox, database_url: str
) -> None:
    with mail_server() as (mailbox, url):
        wiring = Wiring(
            settings(
                notice_wallet, database_url, smtp_url=url, mail_from="Example Wallet <help@wallet.example>"
            )
        )
        try:
            house = House(wiring, notice_wallet)
            mailbox.refuse = "451 come again later"
            theft = house.steal()
            incident_id = await house.freeze(theft)
            await house.deliverer.once()
            (waiting,) = await house.notices(incident_id)
            assert (waiting.state, [each.channel for each in waiting.deliveries]) == ("waiting", ["sms"])
            mailbox.refuse = None
            (notice,) = await house.until_settled(incident_id)
        finally:
            await wiring.close()
    assert (notice.state, sorted(each.channel for each in notice.deliveries)) == ("sent", ["email", "sms"])
    phone, address = sorted(house.old(theft), key=lambda value: "@" in value)
    ((to, mail),) = mailbox.taken
    assert to == [address]
    assert notice_wallet.outbox(address) == []
    assert len(notice_wallet.outbox(phone)) == 1
    assert mail["Subject"] == "Your account is frozen / 您的账户已冻结"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@wallet.example>")
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    for part in (plain, html):
        assert "What happened" in part.get_content()
        assert "发生了什么" in part.get_content()
        assert "href" not in part.get_content()


async def test_a_mail_that_is_refused_for_good_is_evidence_and_one_later_is_not(
    notice_wallet: RunningSandbox, database_url: str
) -> None:
    with mail_server() as (mailbox, url):
        wiring = Wiring(settings(notice_wallet, database_url, smtp_url=url))
        try:
            house = House(wiring, notice_wallet)
            mailbox.refuse = "550 nobody of this name"
            incident_id = await house.freeze(house.steal())
            (notice,) = await house.until_settled(incident_id)
            steps = await wiring.overview.steps(incident_id)
        finally:
            await wiring.close()
    assert (notice.state, notice.last_error) == (NoticeState.SENT, ErrorCode.WALLET_REFUSED)
    refused = [step for step in steps if step.kind == "notice" and step.status == "refused"]
    assert [step.result["channel"] for step in refused] == ["email"]


async def test_the_same_notice_has_the_same_message_id_and_a_dead_server_is_only_away(house: House) -> None:
    words = house.wiring.deliver_notice.texts.write("account_whole", "en", "R", {})
    with mail_server() as (mailbox, url):
        mail = SmtpMail.of_url(url, sender="a@b.example")
        for _ in range(2):
            await mail.send("one/1", "owner@mail.example", words)
        await mail.send("one/2", "owner@mail.example", words)
        ids = [each["Message-ID"] for _, each in mailbox.taken]
        assert ids[0] == ids[1] != ids[2]
        with pytest.raises(StanchError) as refused:
            await mail.send("one/3", "two\r\nBcc: x@y.example", words)
        assert refused.value.matches(ErrorCode.WALLET_REFUSED)
    with pytest.raises(StanchError) as away:
        await mail.send("one/1", "owner@mail.example", words)
    assert away.value.matches(ErrorCode.WALLET_UNREACHABLE)
    assert "owner@" not in away.value.message


@pytest.mark.parametrize("url", ["http://host", "smtp://", "smtps://host:notaport", "nonsense"])
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(StanchError) as refused:
        SmtpMail.of_url(url, sender="a@b.example")
    assert refused.value.matches(ErrorCode.INVALID)


def test_a_password_never_goes_over_an_open_line() -> None:
    assert SmtpMail.of_url("smtp://u:p@host", sender="a@b.example").start_tls is True
    assert SmtpMail.of_url("smtps://u:p%40@host", sender="a@b.example").password == "p@"
    with pytest.raises(StanchError):
        SmtpMail.of_url("smtp://host", sender="nobody")
