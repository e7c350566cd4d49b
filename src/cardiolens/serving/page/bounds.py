"""What a request may cost: bytes, seconds, and how many are under way.

Written against ASGI, so that a body which is too large is refused while it arrives and never whole in memory.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
SECURITY_HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    b"connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}


@dataclass(frozen=True)
class Bounds:
    """Limits of a service."""

    most_bytes: int = 32 << 20
    """Of one request's body."""
    most_seconds: float = 60.0
    """Until a body has arrived."""
    most_requests: int = 24
    """With a body, at once; more are asked to come again."""
    most_ecgs: int = 2000
    """In one batch."""


class Bounded:
    """An app within `Bounds`. Requests of other sites' pages are refused, and no answer is kept by a browser."""

    def __init__(self, app: App, bounds: Bounds) -> None:
        self._app, self._bounds, self._under_way = app, bounds, 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        send = _with_headers(send)
        if problem := self._refusal(scope, headers):
            await _say(send, *problem)
            return
        if scope["method"] == "HEAD":
            await _head(self._app, scope, receive, send)
            return
        if scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._bounds)
        self._under_way += 1
        try:
            # A framework may turn what is raised while it reads into an answer of its own; ours is the true one.
            await self._app(scope, body.receive, body.unless_refused(send))
        except _Refused:
            pass
        finally:
            self._under_way -= 1
        if body.problem is not None:
            await _say(send, *body.problem)

    def _refusal(self, scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and urlsplit(origin).netloc != headers.get(b"host", b"").decode("latin-1"):
            return 403, "a request of another site's page"
        if scope["method"] in _WITHOUT_BODY:
            return None
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            return 400, "a length that is no number"
        if int(length) > self._bounds.most_bytes:
            return 413, f"a body of more than {self._bounds.most_bytes >> 20} MiB; send less at once"
        if self._under_way >= self._bounds.most_requests:
            return 503, "too many requests at once; try again in a moment"
        return None


class _Body:
    """One request's body as it arrives."""

    def __init__(self, receive: Receive, bounds: Bounds) -> None:
        self._receive, self._bounds = receive, bounds
        self._until = asyncio.get_running_loop().time() + bounds.most_seconds
        self._bytes, self._whole = 0, False
        self.problem: tuple[int, str] | None = None

    async def receive(self) -> Message:
        try:
            # After the body only a disconnection is left to wait for, however long the answer takes.
            async with asyncio.timeout_at(None if self._whole else self._until):
                message = await self._receive()
        except TimeoutError:
            self.problem = 408, f"a body that had not arrived after {self._bounds.most_seconds:g} s; send it again"
            raise _Refused from None
        self._bytes += len(message.get("body", b""))
        self._whole = self._whole or not message.get("more_body", False)
        if self._bytes > self._bounds.most_bytes:
            self.problem = 413, f"a body of more than {self._bounds.most_bytes >> 20} MiB; send less at once"
            raise _Refused
        return message

    def unless_refused(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if self.problem is None:
                await send(message)

        return sending


class _Refused(Exception):
    pass


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            known = {name.lower() for name, _ in message["headers"]}
            extra = [(name, value) for name, value in SECURITY_HEADERS.items() if name not in known]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return sending


async def _head(app: App, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """What GET would be answered, without its body: the framework knows no HEAD."""

    async def without_body(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    asked = {**scope, "method": "GET"}
    await app(asked, receive, without_body)
    scope["route"] = asked.get("route")  # for whoever counts


async def _say(send: Send, status: int, detail: str) -> None:
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
