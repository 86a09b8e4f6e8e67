"""The parts that tell people."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from activities.notices import SendNotice
from adapters.notices.companies import NoticeCompanies, SmtpMail
from adapters.notices.rendering import CatalogueTexts
from adapters.sql.notices import SqlNotices
from adapters.staff.apprise_targets import AppriseTargets, Target
from adapters.wired.foundation import Foundation
from use_cases.alert_staff import AlertStaff
from use_cases.deliver_notice import DeliverNotice
from use_cases.notice_contacts import NoticeContacts


@dataclass
class NoticeWiring(Foundation):
    """The parts that tell people. Built when first asked for."""

    @cached_property
    def notices(self) -> SqlNotices:
        """Promised notices."""
        return SqlNotices(self.engine, self.keys)

    @cached_property
    def notice_provider(self) -> NoticeCompanies:
        """Who carries notices. Errors: INVALID, when the address of the mail server is none."""
        url = self.settings.smtp_url
        mail = (
            None if url is None else SmtpMail.of_url(url.get_secret_value(), sender=self.settings.mail_from)
        )
        return NoticeCompanies(gateway=self.messages, mail=mail)

    @cached_property
    def deliver_notice(self) -> DeliverNotice:
        """Tells people what was promised. Errors: INVALID, when a catalogue or the mail server's address is broken."""
        return DeliverNotice(
            store=self.notices,
            send=SendNotice(self.steps, self.notice_provider),
            texts=CatalogueTexts(self.settings.notice_company, self.settings.notice_help),
            provider=self.notice_provider,
            wallet=self.wallet,
            contacts=self.notice_contacts,
            clock=self.clock,
        )

    @cached_property
    def notice_contacts(self) -> NoticeContacts:
        """Whom notices may reach."""
        return NoticeContacts(
            store=self.notices,
            incidents=self.incidents,
            history=self.contact_history,
            rules=self.identity_rules,
            policies=self.policies,
            clock=self.clock,
        )

    @cached_property
    def alert_staff(self) -> AlertStaff:
        """Alerts staff where the settings say. Errors: INVALID, when an address cannot be used."""
        targets = AppriseTargets(
            tuple(
                Target(each.name, each.url.get_secret_value(), each.kinds, each.least)
                for each in self.settings.staff_alerts
            )
        )
        return AlertStaff(
            store=self.staff_alerts,
            targets=targets,
            policies=self.policies,
            clock=self.clock,
            language=self.settings.staff_language,
        )
