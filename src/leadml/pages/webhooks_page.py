"""The page of webhooks: who is told of changes, and what did not arrive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadml.pages.site import Frame, framed
from leadml.pages.summary import Headline

KIND_WORDS = {
    "band_changed": "band changed",
    "sales_ready_crossed": "sales-ready crossed",
    "must_follow_up": "must be followed up",
}


@dataclass(frozen=True)
class Mail:
    """What the page shows.

    Attributes
    ----------
    endpoints : sequence of mapping
        As `leadml webhooks status --json` lists them.
    letters : sequence of mapping
        Dead letters as `leadml webhooks dead --json` lists them, those given up last first; not
        always all.
    may_change : bool
        Whether whoever looks may send dead letters again.
    """

    endpoints: Sequence[Mapping[str, Any]]
    letters: Sequence[Mapping[str, Any]]
    may_change: bool

    def total(self, name: str) -> int:
        """Return a count of all endpoints together."""
        return sum(told[name] for told in self.endpoints)


def webhooks_page(mail: Mail, frame: Frame, *, token: str) -> str:
    """Draw the page; `token` is its forms'."""
    problems = [
        f"{told['problem'][:1].upper()}{told['problem'][1:]}."
        for told in mail.endpoints
        if told["problem"] and told["host"]
    ]
    return framed(
        "webhooks.html",
        frame,
        title="Webhooks",
        kicker="Webhooks",
        headline=Headline(_headline(mail), []),
        content={
            "mail": mail,
            "problems": problems,
            "kinds": KIND_WORDS,
            "token": token,
            "dead": mail.total("dead"),
        },
    )


def _headline(mail: Mail) -> str:
    if not mail.endpoints:
        return "Nobody is told of changes."
    dead, pending = mail.total("dead"), mail.total("pending")
    if dead:
        return f"{dead:,} dead letter{'' if dead == 1 else 's'}."
    if pending:
        return f"{pending:,} message{' waits' if pending == 1 else 's wait'}."
    return "Nothing waits."
