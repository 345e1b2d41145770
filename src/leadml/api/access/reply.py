"""What every answer of the service says beside its content."""

from http import HTTPStatus

from starlette.types import Message, Receive, Scope, Send

from leadml.api.access.refusals import Refusal

_OWN = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Of answers that are not pages: nothing may load them, frame them, guess at them or keep them."""
_OWN_SECURE = (*_OWN, (b"strict-transport-security", b"max-age=31536000"))


class Reply:
    """Sends with the headers that every answer has, and remembers the status.

    Parameters
    ----------
    send : callable
        Where it goes.
    request_id : bytes
        The request's own.
    secure : bool
        Whether the request came by HTTPS: browsers are then told to come by nothing else.
    """

    __slots__ = ("_own", "_request_id", "_send", "status")

    def __init__(self, send: Send, request_id: bytes, *, secure: bool) -> None:
        self._send = send
        self._request_id = (b"x-request-id", request_id)
        self._own = _OWN_SECURE if secure else _OWN
        self.status = 0

    async def __call__(self, message: Message) -> None:
        """Send one message of an answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._headers([*message.get("headers", ())])}
        await self._send(message)

    def _headers(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Add what the answer does not say itself.

        A 304 changes the headers of the page that the browser kept (RFC 9111, section 4.3.4): it
        says nothing that the page did not.
        """
        given.append(self._request_id)
        if self.status != HTTPStatus.NOT_MODIFIED:
            said = {name for name, _ in given}
            given += [header for header in self._own if header[0] not in said]
        return given

    async def fail(self, scope: Scope, receive: Receive) -> None:
        """Answer 500, unless an answer has begun."""
        if not self.status:
            detail = "the service failed on this request; its log says where"
            fault = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
            await fault.response()(scope, receive, self)
