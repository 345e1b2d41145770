"""From the reasons that CRMs hold to the closed list of the ledger."""

from collections.abc import Iterable, Mapping, Sequence

from leadml.data.presets import plain
from leadml.domain.event_detail import MOST_TEXT

OTHER = "other"
NO_TEXT = "no reason given"
_SAID = {
    "wrong_person": (
        "wrong contact", "not the decision maker", "no decision maker", "not a decision maker",
        "left the company", "falscher Ansprechpartner", "kein Entscheider", "mauvais contact",
        "contacto equivocado",
    ),
    "no_budget": (
        "budget", "lack of budget", "insufficient budget", "too expensive", "kein Budget",
        "zu teuer", "pas de budget", "sin presupuesto",
    ),
    "no_need": (
        "not interested", "no interest", "no longer interested", "no use case", "kein Bedarf",
        "kein Interesse", "pas de besoin", "sin necesidad",
    ),
    "no_reply": (
        "no response", "no answer", "not reached", "unresponsive", "cannot contact", "unreachable",
        "could not reach", "nicht erreicht", "keine Antwort", "pas de réponse", "sin respuesta",
    ),
    "competitor": (
        "competition", "chose competitor", "went with competitor", "lost to competitor",
        "is a competitor", "Wettbewerber", "Wettbewerb", "Konkurrenz", "concurrent",
        "competidor",
    ),
    "duplicate": ("duplicate lead", "duplicate record", "dublette", "Duplikat", "doublon",
                  "duplicado"),
    "not_a_company": (
        "no company", "private person", "consumer", "individual", "student", "kein Unternehmen",
        "Privatperson", "particulier", "particular",
    ),
}  # fmt: skip
"""Reason of the default list -> what CRMs also write for it; case and punctuation aside."""


class RejectionWords:
    """Reads the reasons of one export.

    Parameters
    ----------
    reasons : sequence of str
        The closed list.

    Attributes
    ----------
    unknown : dict of str to int
        Texts on nobody's list -> in how many leads; they are kept under ``other``.
    """

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        self.unknown: dict[str, int] = {}
        said = {plain(text): reason for reason, texts in _SAID.items() for text in texts}
        self._known = {text: reason for text, reason in said.items() if reason in reasons}
        self._known |= {plain(reason): reason for reason in reasons}

    def read(self, text: str | None) -> Mapping[str, str]:
        """Return what a rejection's detail says.

        Raises
        ------
        ValueError
            If the text is on no list and the closed list has no ``other``.
        """
        if text is None:
            return self._other(NO_TEXT)
        known = self._known.get(plain(text))
        if known is not None and known != OTHER:
            return {"reason": known}
        self.unknown[text] = self.unknown.get(text, 0) + 1
        return self._other(text[:MOST_TEXT])

    def reason(self, text: str | None) -> str | None:
        """Return the listed reason that a text means, or the text itself where it means none."""
        return text if text is None else self._known.get(plain(text), text)

    def _other(self, text: str) -> Mapping[str, str]:
        if OTHER not in self.reasons:
            msg = (
                f"expected a rejection reason of [rejections] reasons ({_listed(self.reasons)}), "
                f"found {text[:60]!r}; add other to the list to keep it as a text"
            )
            raise ValueError(msg)
        return {"reason": OTHER, "text": text}


def _listed(reasons: Iterable[str]) -> str:
    return ", ".join(reasons)
