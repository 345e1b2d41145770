"""The bar of links above served pages; pages written to files have none."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from leadml.pages.html import part


@dataclass(frozen=True)
class Link:
    """One page of the bar: what it is called, and its address."""

    text: str
    href: str


def navigation(links: Sequence[Link], *, current: str, aside: Markup | str = "") -> Markup:
    """Draw the bar of links; the one whose address is `current` is marked as the page shown.

    `aside` stands at its end, such as a form to log out.
    """
    return part("navigation.html", {"links": links, "current": current, "aside": aside})
