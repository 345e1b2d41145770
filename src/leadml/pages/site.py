"""The frame of the pages that the service answers with: one bar of links, one voice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from leadml.pages.html import render
from leadml.pages.navigation import Link, navigation
from leadml.pages.summary import Headline

LINKS = (
    Link("Overview", "/"),
    Link("Report", "/report"),
    Link("Leads", "/leads"),
    Link("Points against model", "/comparison"),
    Link("Models", "/models"),
    Link("Agreement", "/agreement"),
)
_SIGN_OUT = Markup('<a href="/logout">Sign out</a>')


@dataclass(frozen=True)
class Frame:
    """What stands around a page's content.

    Attributes
    ----------
    current : str
        Address of the page in the bar of links.
    signed_in : bool
        Whether there is a session to end.
    version : str
        Of leadml.
    notices : tuple of tuple
        ``(kind, text)`` shown above the content; ``kind`` is ``good`` or ``bad``.
    """

    current: str
    signed_in: bool = False
    version: str = ""
    notices: tuple[tuple[str, str], ...] = field(default=())

    def bar(self) -> Markup:
        """Draw the bar of links."""
        return bar(self.current, signed_in=self.signed_in)


def bar(current: str, *, signed_in: bool) -> Markup:
    """Draw the bar of links of a served page."""
    return navigation(LINKS, current=current, aside=_SIGN_OUT if signed_in else "")


def framed(
    template: str,
    frame: Frame,
    *,
    title: str,
    kicker: str,
    headline: Headline,
    content: Mapping[str, Any],
    verdict: str = "",
) -> str:
    """Fill the template of a served page."""
    return render(
        template,
        {
            "title": f"{title} · leadml",
            "kicker": kicker,
            "headline": headline,
            "verdict": verdict,
            "footer": f"leadml {frame.version}",
            "navigation": frame.bar(),
            "notices": frame.notices,
            **content,
        },
    )
