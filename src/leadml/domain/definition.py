"""All that decides what a score means: mapping, agreement, hand-off policy and points table."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from leadml.domain.agreement import Agreement
from leadml.domain.handoff import HandoffPolicy
from leadml.domain.mapping import ActivityMapping, HistoryMapping, LeadMapping
from leadml.domain.points_table import PointsTable, Rule


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a model is trained, judged and served under; a copy travels inside its bundle."""

    leads: LeadMapping = field(default_factory=LeadMapping)
    activities: ActivityMapping = field(default_factory=ActivityMapping)
    history: HistoryMapping = field(default_factory=HistoryMapping)
    agreement: Agreement = field(default_factory=Agreement)
    handoff: HandoffPolicy = field(default_factory=HandoffPolicy)
    points: PointsTable = field(default_factory=PointsTable)

    @property
    def has_points(self) -> bool:
        """Whether there is any points score: rules of our own or a column of the CRM's."""
        return bool(self.points.rules) or self.leads.points is not None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form that travels inside a bundle."""
        return {
            "leads": asdict(self.leads),
            "activities": asdict(self.activities),
            "history": asdict(self.history),
            "agreement": self.agreement.to_dict(),
            "handoff": asdict(self.handoff),
            "points": asdict(self.points),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Definition":
        """Read `to_dict`'s form (lists become tuples again), also that of older versions."""
        agreement = _tuples(values["agreement"])
        since = agreement["effective_from"]
        agreement["effective_from"] = date.fromisoformat(since) if since else None
        points = dict(values["points"])
        points["rules"] = tuple(Rule(**_tuples(rule)) for rule in points["rules"])
        return cls(
            leads=LeadMapping(**_tuples(values["leads"])),
            activities=ActivityMapping(**values["activities"]),
            history=HistoryMapping(**values.get("history", {})),
            agreement=Agreement(**agreement),
            handoff=HandoffPolicy(**values.get("handoff", {})),
            points=PointsTable(**points),
        )


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
