"""Agent and supervisor: decide through the gateway's API where a person must, each with a credential of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

import httpx2

from sandbox.people.telling import Stage

LOOK_SECONDS = 0.3
CHOICES: Mapping[str, str] = {
    "return_account": "return",
    "unproven_owner": "keep_frozen",
    "end_as_false_alarm": "end",
    "impostor": "impostor",
    "renew_freeze": "renew",
    "freeze_on_report": "freeze",
    "reset_incomplete": "retry",
    "freeze_refused": "retry",
}
"""What this house's people choose; anything else, the first choice offered."""


class Staff:
    """One operator at the gateway. `role` agent asks; `role` supervisor approves what somebody else asked for."""

    def __init__(
        self, gateway: httpx2.AsyncClient, stage: Stage, *, role: str, seed: int, incident: str | None
    ) -> None:
        self._gateway = gateway
        self._stage = stage
        self._role = role
        self._random = Random(f"{role}/{seed}")
        self._incident = incident
        self._done: set[str] = set()

    async def work(self) -> int:
        """Decide what is open until the incident is closed (if one was named) or told to stop; gives 0."""
        while not self._stage.over.is_set():
            try:
                if self._incident is not None and await self._closed(self._incident):
                    self._stage.tell("incident_closed")
                    return 0
                for task in await self._open_tasks():
                    await self._decide(task)
            except httpx2.TransportError:
                await asyncio.sleep(LOOK_SECONDS)
            await self._stage.pause(LOOK_SECONDS)
        return 0

    async def _closed(self, incident: str) -> bool:
        response = await self._gateway.get(f"/v1/incidents/{incident}")
        return response.is_success and response.json().get("closed_at") is not None

    async def _open_tasks(self) -> list[dict[str, Any]]:
        response = await self._gateway.get("/v1/decisions", params={"state": "open"})
        if not response.is_success:
            return []
        answer = response.json()
        tasks: list[dict[str, Any]] = answer if isinstance(answer, list) else answer.get("decisions", [])
        return [task for task in tasks if self._incident in (None, task.get("incident_id"))]

    async def _decide(self, task: dict[str, Any]) -> None:
        requests = [request for request in task.get("requests", []) if request.get("state", "open") == "open"]
        if self._role == "agent":
            if requests or task["task_id"] in self._done:
                return
            offered = [
                choice if isinstance(choice, str) else choice["choice"] for choice in task.get("choices", [])
            ]
            preferred = CHOICES.get(task["kind"])
            choice = preferred if preferred in offered or not offered else offered[0]
            await self._act(task["task_id"], f"/v1/decisions/{task['task_id']}/request", {"choice": choice})
            return
        for request in requests:
            await self._act(request["request_id"], f"/v1/decisions/{request['request_id']}/approve", {})

    async def _act(self, number: str, path: str, body: dict[str, Any]) -> None:
        if number in self._done:
            return
        await self._stage.pause(self._random.uniform(0.3, 1.0))
        response = await self._gateway.post(path, json={**body, "reason": "seen and checked by a person"})
        self._stage.tell("decided", task=number, status=response.status_code, **body)
        if response.status_code < 500:
            self._done.add(number)


async def run_staff(
    gateway_url: str, *, credential: str, role: str, seed: int, incident: str | None, stage: Stage
) -> int:
    """Play one operator."""
    headers = {"Authorization": f"Bearer {credential}"}
    async with httpx2.AsyncClient(
        base_url=gateway_url, headers=headers, timeout=10, trust_env=False
    ) as gateway:
        return await Staff(gateway, stage, role=role, seed=seed, incident=incident).work()
