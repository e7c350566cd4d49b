"""Counts of a service, in the form that Prometheus reads: by route and status, never by file or person."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from cardiolens.serving.page.bounds import App, Message, Receive, Send

_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metered:
    """An app whose requests are counted."""

    def __init__(self, app: App) -> None:
        self._app, self._registry = app, CollectorRegistry()
        labels = ["route", "status"]
        self._requests = Counter("cardiolens_requests", "Requests answered", labels, registry=self._registry)
        self._seconds = Histogram(
            "cardiolens_request_seconds", "Time to answer", ["route"], buckets=_SECONDS, registry=self._registry
        )
        self._under_way = Gauge("cardiolens_requests_under_way", "Requests being answered", registry=self._registry)

    def text(self) -> bytes:
        """The counts now."""
        return generate_latest(self._registry)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun = 500, time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._under_way.track_inprogress():
            try:
                await self._app(scope, receive, noted)
            finally:
                # The route's pattern: a path that somebody made up must not become a label of its own.
                route = getattr(scope.get("route"), "path", "other")
                self._requests.labels(route, str(status)).inc()
                self._seconds.labels(route).observe(time.perf_counter() - begun)
