"""HEAD wherever there is GET: the same status and headers, no body (RFC 9110, section 9.3.2)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """ASGI middleware: routes are asked for GET, and what they send after the headers is dropped.

    Parameters
    ----------
    app : ASGI application
        Whose routes need not know of HEAD.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            bodiless = {"body": b""} if message["type"] == "http.response.body" else {}
            await send({**message, **bodiless})

        await self.app({**scope, "method": "GET"}, receive, send_headers)
