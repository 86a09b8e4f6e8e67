"""What people were told, and telling them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.contracts.notices import NoticeView
from models.errors import ErrorCode, StanchError
from models.names import NoticeState
from use_cases.look_up import unknown
from use_cases.ports import NoticeDesk, Overview


@dataclass
class Tell:
    """Reads notices, and makes one due again. Texts and addresses are never shown: they are not stored."""

    desk: NoticeDesk
    overview: Overview

    async def of_incident(self, incident_id: str, *, limit: int) -> Sequence[NoticeView]:
        """The notices of one incident, newest first. Errors: NOT_FOUND."""
        found = await self.desk.notices(incident_id=incident_id, state=None, unreached=False, limit=limit)
        if not found and await self.overview.incident(incident_id) is None:
            raise unknown()
        return found

    async def all(self, *, state: NoticeState | None, unreached: bool, limit: int) -> Sequence[NoticeView]:
        """Notices of every incident, newest first; `unreached`: those that reached nobody, for somebody must call."""
        return await self.desk.notices(incident_id=None, state=state, unreached=unreached, limit=limit)

    async def one(self, notice_id: str) -> NoticeView:
        """One notice. Errors: NOT_FOUND."""
        found = await self.desk.notice(notice_id)
        if found is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no notice with this id. Check the id.")
        return found

    async def again(self, notice_id: str) -> NoticeView:
        """Tell it again to every old contact, under new message ids. Errors: NOT_FOUND; REFUSED_BY_RULE (it waits, or is erased)."""
        return await self.desk.resend(notice_id)

    async def counts(self) -> Mapping[NoticeState, int]:
        """How many wait, and how many reached nobody."""
        return await self.desk.counts()
