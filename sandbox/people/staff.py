"""Agent and supervisor: decide through the gateway's API where a person must, each with a credential of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

import httpx2

from sandbox.people.telling import Stage

LOOK_SECONDS = 0.3


class Staff:
    """One operator at the gateway: an agent chooses, a supervisor approves what somebody else chose.

    `choices` says what to choose on a question of a kind; on any other, the first choice it offers.
    """

    def __init__(
        self,
        gateway: httpx2.AsyncClient,
        stage: Stage,
        *,
        role: str,
        seed: int,
        incident: str | None,
        choices: Mapping[str, str],
    ) -> None:
        self._gateway = gateway
        self._stage = stage
        self._role = role
        self._random = Random(f"{role}/{seed}")
        self._incident = incident
        self._choices = choices
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
        standing = [request for request in task["requests"] if request["state"] in ("open", "approved")]
        if self._role == "agent":
            if not standing:
                choice = self._choices.get(task["kind"], task["choices"][0])
                # A choice that was declined or has expired is made again.
                number = f"{task['task_id']}/{len(task['requests'])}"
                await self._act(number, f"/v1/decisions/{task['task_id']}/request", {"choice": choice})
            return
        for request in standing:
            if task["four_eyes"] and request["state"] == "open":
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
    gateway_url: str,
    *,
    credential: str,
    role: str,
    seed: int,
    incident: str | None,
    choices: Mapping[str, str],
    stage: Stage,
) -> int:
    """Play one operator."""
    headers = {"Authorization": f"Bearer {credential}"}
    async with httpx2.AsyncClient(
        base_url=gateway_url, headers=headers, timeout=10, trust_env=False
    ) as gateway:
        staff = Staff(gateway, stage, role=role, seed=seed, incident=incident, choices=choices)
        return await staff.work()
