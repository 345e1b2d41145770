"""All that decides what a score means: the mapping, the agreement and the points table."""

from dataclasses import dataclass, field

from leadml.domain.agreement import Agreement
from leadml.domain.mapping import ActivityMapping, LeadMapping
from leadml.domain.points_table import PointsTable


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a model is trained, judged and served under; a copy travels inside its bundle."""

    leads: LeadMapping = field(default_factory=LeadMapping)
    activities: ActivityMapping = field(default_factory=ActivityMapping)
    agreement: Agreement = field(default_factory=Agreement)
    points: PointsTable = field(default_factory=PointsTable)

    @property
    def has_points(self) -> bool:
        """Whether there is any points score: rules of our own or a column of the CRM's."""
        return bool(self.points.rules) or self.leads.points is not None
