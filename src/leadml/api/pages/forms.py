"""Forms of our own pages: read within bounds, and told from forms of other sites."""

from http import HTTPStatus
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

from leadml.api.access.visits import visit_of

TOKEN = "token"  # noqa: S105 - the name of a field  # nosec B105
MOST_BYTES = 10_000
MOST_FIELDS = 20
_FORM = "application/x-www-form-urlencoded"


async def own_form(request: Request) -> dict[str, str]:
    """Return the fields of a form that one of our own pages sent.

    Raises
    ------
    HTTPException
        413 or 415 where it is no small form; 403 where another site sent it, or it lacks the token
        that its page was given.
    """
    if not _from_here(request):
        raise HTTPException(HTTPStatus.FORBIDDEN, "this form was not sent from a page of this site")
    fields = await _fields(request)
    visit = visit_of(request)
    if not visit.sessions.fits(fields.get(TOKEN, ""), visit.session):
        msg = "this form is no longer valid: go back, load the page again and send it again"
        raise HTTPException(HTTPStatus.FORBIDDEN, msg)
    return fields


async def _fields(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != _FORM:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected a form ({_FORM})")
    body = await request.body()
    if len(body) > MOST_BYTES:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "this form is too large")
    try:
        text = body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "this form cannot be read") from None


def _from_here(request: Request) -> bool:
    """Tell by what browsers say, and scripts of a page cannot forge; none of it said is a no."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    _, _, host = request.headers.get("origin", "").partition("://")
    return bool(host) and host == request.headers.get("host")
