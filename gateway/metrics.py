"""What the gateway counts. Labels are closed vocabularies: never an id, never a path as it was sent."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

FREEZE_BUCKETS = (0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds; dense around what one call and two commits take, with room for a wallet at its deadline."""


class Metrics:
    """The gateway's own registry, so that two applications in one process do not share counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.time_to_freeze = Histogram(
            "stanch_time_to_freeze_seconds",
            "From receipt of an alarm to the wallet's acknowledgement, and to the committed step.",
            ["interval"],
            buckets=FREEZE_BUCKETS,
            registry=self.registry,
        )
        self.wallet_ack = self.time_to_freeze.labels("wallet_ack")
        self.committed = self.time_to_freeze.labels("committed")
        self.alarms = Counter(
            "stanch_alarms", "Alarms by what became of them.", ["answer"], registry=self.registry
        )
        self.requests = Histogram(
            "stanch_http_request_seconds",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.follow_ups = Counter(
            "stanch_follow_ups", "Work after the answer by how it went.", ["result"], registry=self.registry
        )
        self.notices = Gauge(
            "stanch_notices",
            "Notices that wait, and those that reached nobody: `given_up` and `no_contact` need a person.",
            ["state"],
            registry=self.registry,
        )
        self.waiting = Gauge(
            "stanch_follow_ups_waiting", "Work after the answer yet to do.", registry=self.registry
        )

    def text(self) -> bytes:
        """Everything, in the Prometheus text format."""
        return generate_latest(self.registry)
