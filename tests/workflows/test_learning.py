"""What candidates are fitted on: matured leads, or every lead resolved by then, weighted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.data.simulate import SimulatedCrm
from leadml.domain.definition import Definition
from leadml.errors import ConfigError, TooFewOutcomes
from leadml.model.calibration import Calibration
from leadml.model.selection import Selection
from leadml.settings import Settings
from leadml.snapshot.censoring import resolved_leads
from leadml.snapshot.labels import Judged
from leadml.snapshot.split import Folds
from leadml.workflows.evaluate import evaluate
from leadml.workflows.learning import Learning, learning_of, refuse_unweighable
from leadml.workflows.lesson import Lesson, folds_of, lesson_of
from leadml.workflows.material import Material, gather
from leadml.workflows.score import Scorer
from leadml.workflows.score_file import score
from leadml.workflows.train import train

Make = Callable[..., Settings]
DAY = 86_400_000_000


def weighted(definition: Definition, **changes: Any) -> Definition:
    agreement = replace(definition.agreement, censoring="ipcw", **changes)
    return replace(definition, agreement=agreement)


@dataclass(frozen=True)
class Course:
    """One company's lesson, and what is learnt from it."""

    material: Material
    judged: Judged
    lesson: Lesson
    folds: Folds
    learning: Learning
    horizon: int

    @property
    def closed(self) -> np.ndarray:
        """When the leads of `learning` closed, in its order."""
        early = np.setdiff1d(self.rows, self.lesson.rows)
        assert len(early) == self.learning.early
        return self.judged.closed[self.rows]

    @property
    def rows(self) -> np.ndarray:
        now = self.material.now_microseconds
        assert now is not None
        resolved = resolved_leads(self.judged, self.agreement, at=now)
        return np.concatenate([self.lesson.rows, resolved.rows[resolved.early]])

    @property
    def agreement(self) -> Any:
        return weighted(Definition(), horizon_days=self.horizon / DAY).agreement


@pytest.fixture(scope="module")
def course(crm: SimulatedCrm, company: Any) -> Course:
    settings = replace(company.settings, definition=weighted(company.settings.definition))
    material = gather(
        crm.leads,
        definition=settings.definition,
        root=settings.root,
        activities=crm.activities,
        labelled=True,
        to_learn=True,
    )
    judged = material.judge(settings)
    lesson = lesson_of(material, judged, settings)
    folds = folds_of(lesson, material, judged, settings, 0)
    learning = learning_of(lesson, folds, material, judged, settings)
    horizon = round(settings.definition.agreement.horizon_days * DAY)
    return Course(material, judged, lesson, folds, learning, horizon)


class TestWeighted:
    def test_the_lessons_leads_come_first_then_those_resolved_early(self, course: Course) -> None:
        learning, n = course.learning, len(course.lesson.y)
        assert learning.early > 50
        assert len(learning.y) == n + learning.early == len(learning.x) == len(learning.as_of)
        assert (learning.y[:n] == course.lesson.y).all()
        assert (learning.y == course.judged.won[course.rows]).all()
        now = course.material.now_microseconds
        assert (learning.as_of[:n] + course.horizon <= now).all()
        assert (learning.as_of[n:] + course.horizon > now).all()
        assert (course.closed[n:] <= now).all()
        assert (np.diff(learning.as_of[learning.oldest_first]) >= 0).all()

    def test_features_are_those_of_the_lesson(self, course: Course) -> None:
        n = len(course.lesson.y)
        assert np.array_equal(course.learning.x[:n], course.lesson.x, equal_nan=True)
        # budgets of early leads are read from their own rows
        names = course.lesson.catalogue.features.names
        budgets = course.material.leads.frame["budget"].to_numpy(float)
        found = course.learning.x[n:, names.index("budget")]
        assert np.array_equal(found, budgets[course.rows[n:]], equal_nan=True)

    def test_matured_leads_are_weighted_like_the_others(self, course: Course) -> None:
        weight = course.learning.weight
        assert weight is not None
        n = len(course.lesson.y)
        assert weight[:n].max() > 1.15  # the horizon has passed for five leads of six
        assert weight.min() == pytest.approx(1, abs=0.02)
        assert n < course.learning.effective_size < len(weight)

    def test_folds_learn_what_was_known_at_their_origin_and_test_the_same_leads(
        self, course: Course
    ) -> None:
        learning, n = course.learning, len(course.lesson.y)
        assert len(learning.folds) == len(course.folds) == len(learning.weights)
        pairs = zip(course.folds, learning.folds, learning.weights, strict=True)
        for (plain, _), (learnt, test), weight in pairs:
            origin = course.lesson.as_of[test].min()
            matured = learning.as_of[learnt] + course.horizon <= origin
            assert (matured | (course.closed[learnt] <= origin)).all()
            assert set(plain) <= set(learnt)  # all that had matured, and more
            assert (~matured).any()
            assert (test < n).all()
            assert (np.diff(learning.as_of[learnt]) >= 0).all()
            assert weight is not None
            assert len(weight) == len(learnt)
            # 1 / G(H), of which none weighs more, is that of their share then, not of now
            assert weight[matured].max() == weight.max() > course.learning.weight.max()

    def test_predictions_are_given_back_for_the_lesson_alone(self, course: Course) -> None:
        size = len(course.learning.y)
        values = np.arange(size, dtype=float)
        selection = Selection((), "x", np.arange(3), values, values + 1, Calibration())
        found = course.learning.of_lesson(selection)
        n = len(course.lesson.y)
        assert (found.log_odds.tolist(), found.forward[-1]) == (list(range(n)), n)

    def test_all_whose_age_was_looked_at_had_a_part(self, course: Course) -> None:
        assert set(course.rows) < set(course.learning.cohort)


def test_matured_leads_alone_by_default(course: Course, company: Any) -> None:
    found = learning_of(
        course.lesson, course.folds, course.material, course.judged, company.settings
    )
    assert (found.weight, found.early, found.notes) == (None, 0, ())
    assert found.weights == (None,) * len(course.folds)
    assert found.x is course.lesson.x
    assert found.effective_size == len(course.lesson.y)


def test_too_short_a_history_falls_back_and_says_so(course: Course, company: Any) -> None:
    # 530 of 540 days: a few leads in a hundred have matured
    definition = weighted(company.settings.definition, horizon_days=530.0)
    settings = replace(company.settings, definition=definition)
    judged = course.material.judge(settings)
    found = learning_of(course.lesson, course.folds, course.material, judged, settings)
    assert found.weight is None
    (note,) = found.notes
    assert (note.code, note.severity) == ("TIME019", "warning")
    assert "under 5%" in note.message


@pytest.mark.parametrize(
    ("without", "missing"),
    [
        (("closed_at",), "closed_at"),
        (("created_at", "handed_off_at", "followed_up_at"), "created_at or handed_off_at"),
    ],
)
def test_what_cannot_be_weighed_is_refused(
    crm: SimulatedCrm, company: Any, without: tuple[str, ...], missing: str
) -> None:
    definition = weighted(company.settings.definition)
    leads = replace(definition.leads, **dict.fromkeys(without))
    settings = replace(company.settings, definition=replace(definition, leads=leads))
    material = gather(
        crm.leads, definition=settings.definition, root=settings.root, labelled=True, to_learn=True
    )
    judged = material.judge(settings)
    with pytest.raises(ConfigError, match=rf"{missing} is not mapped under \[leads\]: map it, or"):
        refuse_unweighable(material, judged, settings)
    plain = replace(definition.agreement, censoring="matured")
    settings = replace(settings, definition=replace(settings.definition, agreement=plain))
    refuse_unweighable(material, judged, settings)


def test_a_company_learns_from_leads_that_closed_early(
    crm: SimulatedCrm, company: Any, settings_for: Make
) -> None:
    settings = settings_for(weighted(company.settings.definition))
    done = train(crm.leads, activities=crm.activities, config=settings)
    told = done.outcomes
    assert told.censoring == "ipcw"
    assert told.resolved_early > 50
    assert done.leads == company.training.leads  # what the threshold and the folds test
    scorer = Scorer.load(done.bundle)
    assert scorer.manifest["outcomes"] == done.to_dict()["outcomes"]
    # the same agreement was signed, whatever the method
    assert scorer.manifest["agreement_hash"] == company.settings.definition.agreement.hash()
    truth = crm.truth.set_index("lead_id")
    handed = truth.index[truth["handed_off"]]
    output = settings.root / "scores.csv"
    score(crm.leads, output, activities=crm.activities, config=settings)
    mean = pd.read_csv(output).set_index("lead_id").loc[handed, "probability"].mean()
    assert mean == pytest.approx(truth.loc[handed, "probability"].mean(), abs=0.025)
    # whoever had a part in learning, by age alone too, is no fair test
    with pytest.raises(TooFewOutcomes, match=r"learnt from when the model was trained"):
        evaluate(crm.leads, activities=crm.activities, config=settings)
