"""The frame of the pages that the service answers with: one bar of links, one voice."""

from collections.abc import Mapping
from dataclasses import dataclass
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
WEBHOOKS = Link("Webhooks", "/webhooks")
"""In the bar where there are any."""
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
    known : bool
        Whether whoever looks may read pages; to others the bar has no links.
    webhooks : bool
        Whether there are webhooks, and so a page of theirs.
    """

    current: str
    signed_in: bool = False
    version: str = ""
    notices: tuple[tuple[str, str], ...] = ()
    known: bool = True
    webhooks: bool = False

    def bar(self) -> Markup:
        """Draw the bar of links."""
        aside = _SIGN_OUT if self.signed_in else ""
        links = (*LINKS, WEBHOOKS) if self.webhooks else LINKS
        return navigation(links if self.known else (), current=self.current, aside=aside)


def framed(
    template: str,
    frame: Frame,
    *,
    title: str,
    kicker: str,
    headline: Headline,
    content: Mapping[str, Any],
    verdict: str = "plain",
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


def message_page(
    text: str, frame: Frame, *, support: str = "", link: Link | None = None, title: str = ""
) -> str:
    """Draw a page that says one thing, and where to go on from there."""
    return framed(
        "message.html",
        frame,
        title=title or text,
        kicker="leadml",
        headline=Headline(text, [support] if support else []),
        content={"link": link},
    )


def login_page(frame: Frame, *, token: str, then: str, problem: str, hours: int) -> str:
    """Draw the form to sign in; `then` is the address to go on to."""
    content = {"token": token, "next": then, "problem": problem, "hours": hours}
    title = "Not signed in" if problem else "Sign in"
    return framed(
        "login.html",
        frame,
        title=title,
        kicker="leadml",
        headline=Headline("Sign in", []),
        content=content,
    )


def logout_page(frame: Frame, *, token: str) -> str:
    """Draw the form to sign out."""
    return framed(
        "logout.html",
        frame,
        title="Sign out",
        kicker="leadml",
        headline=Headline("Sign out?", []),
        content={"token": token},
    )
