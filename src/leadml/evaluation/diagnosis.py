"""What drift asks for: recalibrate, retrain, or look at the source; findings that are not chance.

Two families of tests are made, of features and of scores and outcomes. Within each, p-values are
adjusted for their number (Holm) and then doubled, so that all findings of a report together come
by chance alone in at most 5 reports of 100. A finding must be material too: with many leads
everything differs a little.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from leadml.domain.finding import Finding
from leadml.evaluation.drift import InTheLarge, Movement, holm, movement, rise

NOTHING = "nothing"
RECALIBRATE = "recalibrate"
RETRAIN = "retrain"
SOURCE = "look at the source"
URGENCY = (NOTHING, RECALIBRATE, RETRAIN, SOURCE)
"""Least first: no model is mended on data that are broken."""

ASKS = {
    "DRIFT001": SOURCE,
    "DRIFT002": SOURCE,
    "DRIFT003": SOURCE,
    "DRIFT004": SOURCE,
    "DRIFT005": SOURCE,
    "DRIFT006": NOTHING,
    "DRIFT007": RETRAIN,
    "DRIFT008": RETRAIN,
    "DRIFT009": RECALIBRATE,
    "DRIFT010": RECALIBRATE,
    "DRIFT011": RETRAIN,
    "DRIFT012": NOTHING,
}
"""What each finding asks for."""

CHANCE = 0.05
"""Most reports in which chance alone may make a finding."""
MATERIAL = 0.10
"""Population stability index, above what chance gives, from which a movement matters."""
MISSING_RISE = 0.10
UNLISTED_RISE = 0.05
SOURCE_RISE = 0.10
SOURCE_TIMES = 2.0
"""A source exploded when its share rose by `SOURCE_RISE` and this many times."""
AUC_FALL = 0.03
"""Fall of the AUC from which a worse ranking matters."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """One feature's leads, counted in the same bins among training and new leads.

    Attributes
    ----------
    feature : str
    column : str or None
        Where it is read from.
    reference, new : tuple of int
        Leads in each bin of values.
    missing, unlisted : (int, int)
        Reference and new leads without a value, and with a text that is no level of the model.
    ordered : bool
        Whether bins are of a number.
    passing : bool
        Whether its values come and go by nature: only missing ones are tested.
    sources : tuple of str
        Names of the bins where the feature is the lead's source; else empty.
    absent : bool
        Whether the new export lacks what it is read from.
    """

    feature: str
    column: str | None
    reference: tuple[int, ...]
    new: tuple[int, ...]
    missing: tuple[int, int]
    unlisted: tuple[int, int] = (0, 0)
    ordered: bool = True
    passing: bool = False
    sources: tuple[str, ...] = ()
    absent: bool = False

    @property
    def leads(self) -> tuple[int, int]:
        """Reference and new leads."""
        apart = [m + u for m, u in zip(self.missing, self.unlisted, strict=True)]
        return sum(self.reference) + apart[0], sum(self.new) + apart[1]

    def movement(self) -> Movement:
        """Compare the two distributions, missing and unlisted included."""
        apart = tuple(zip(self.unlisted, self.missing, strict=True))
        return movement(self.reference, self.new, apart=apart, ordered=self.ordered)  # type: ignore[arg-type]

    def shares(self, cases: tuple[int, int]) -> tuple[float, float]:
        """Return cases as shares of reference and new leads."""
        reference, new = self.leads
        return cases[0] / max(reference, 1), cases[1] / max(new, 1)

    def risen(self, cases: tuple[int, int]) -> float:
        """Return the chance of such a rise in a share, 1 where it did not rise."""
        before, after = self.shares(cases)
        reference, new = self.leads
        return rise((cases[0], reference), (cases[1], new)) if after > before else 1.0


@dataclass(frozen=True)
class FeatureDrift:
    """One feature's drift; `p` is adjusted for the number of tests, None where none applies."""

    counted: Counted
    moved: Movement
    p: float | None
    asks_for: str

    def to_dict(self) -> dict[str, object]:
        """Return the JSON-ready form."""
        missing_before, missing = self.counted.shares(self.counted.missing)
        return {
            "feature": self.counted.feature,
            "psi": self.moved.psi,
            "expected_psi": self.moved.expected,
            "p": self.p,
            "missing": missing,
            "missing_reference": missing_before,
            "unseen": self.counted.shares(self.counted.unlisted)[1],
            "asks_for": self.asks_for,
        }


@dataclass(frozen=True)
class _Test:
    """One hypothesis about a feature: its chance, whether it matters, and what it would say."""

    code: str
    feature: str
    p: float
    material: bool
    finding: Finding


@dataclass(frozen=True)
class FeatureDiagnosis:
    """All features, and what was found of them."""

    features: list[FeatureDrift]
    findings: list[Finding] = field(default_factory=list)


def diagnose_features(counted: Sequence[Counted]) -> FeatureDiagnosis:
    """Test every feature for missing and unseen values, an exploding source, and movement.

    A feature whose source is at fault is not said to have moved as well.
    """
    moves = [one.movement() for one in counted]
    tests = [test for one, moved in zip(counted, moves, strict=True) for test in _tests(one, moved)]
    adjusted = _adjusted([test.p for test in tests])
    found: dict[str, list[_Test]] = {}
    p_moved = {}
    for test, p in zip(tests, adjusted, strict=True):
        if test.code == "DRIFT007":
            p_moved[test.feature] = p
        if p < CHANCE and test.material:
            found.setdefault(test.feature, []).append(test)
    rows, findings = [], []
    for one, moved in zip(counted, moves, strict=True):
        told = _told(one, found.get(one.feature, []))
        asks = most_urgent([ASKS["DRIFT001"]] if one.absent else [ASKS[f.code] for f in told])
        rows.append(FeatureDrift(one, moved, p_moved.get(one.feature), asks))
        findings += told
    return FeatureDiagnosis(rows, findings)


def _told(counted: Counted, tests: list[_Test]) -> list[Finding]:
    if counted.absent:
        return []
    at_source = [test.finding for test in tests if ASKS[test.code] == SOURCE]
    return at_source or [test.finding for test in tests]


def _tests(counted: Counted, moved: Movement) -> list[_Test]:
    if counted.passing:
        return [_missing(counted)]
    tests = [_missing(counted), _moved(counted, moved)]
    if not counted.ordered:
        tests.append(_unlisted(counted))
    if counted.sources:
        tests.append(_exploded(counted))
    return tests


def _missing(counted: Counted) -> _Test:
    before, after = counted.shares(counted.missing)
    text = (
        f"{counted.feature}: missing in {after:.0%} of the new leads, in {before:.0%} of the "
        "training leads; ask who fills it in, or what changed in the export"
    )
    finding = Finding("DRIFT002", "warning", counted.column, counted.missing[1], text)
    material = after - before >= MISSING_RISE
    return _Test("DRIFT002", counted.feature, counted.risen(counted.missing), material, finding)


def _unlisted(counted: Counted) -> _Test:
    before, after = counted.shares(counted.unlisted)
    text = (
        f"{counted.feature}: {after:.0%} of the new leads hold a value that the model does not "
        f"know, {before:.0%} of the training leads a rare one; see whether values were renamed, "
        "and train again once they are settled"
    )
    finding = Finding("DRIFT003", "warning", counted.column, counted.unlisted[1], text)
    material = after - before >= UNLISTED_RISE
    return _Test("DRIFT003", counted.feature, counted.risen(counted.unlisted), material, finding)


def _exploded(counted: Counted) -> _Test:
    cases = list(zip(counted.reference, counted.new, strict=True))
    chances = [counted.risen(case) for case in cases]
    most = min(range(len(cases)), key=chances.__getitem__)
    before, after = counted.shares(cases[most])
    text = (
        f"{counted.feature}: {counted.sources[most]!r} gives {after:.0%} of the new leads, "
        f"{before:.0%} of the training leads; ask whether its leads are what they were"
    )
    finding = Finding(
        "DRIFT004", "warning", counted.column, cases[most][1], text, (counted.sources[most],)
    )
    material = after - before >= SOURCE_RISE and after >= SOURCE_TIMES * before
    chance = min(1.0, chances[most] * len(cases))  # the likeliest of so many (Bonferroni)
    return _Test("DRIFT004", counted.feature, chance, material, finding)


def _moved(counted: Counted, moved: Movement) -> _Test:
    text = (
        f"{counted.feature}: the new leads are spread otherwise than the training leads (PSI "
        f"{moved.psi:.2f}, by chance {moved.expected:.2f}); train again with newer leads"
    )
    finding = Finding("DRIFT007", "warning", counted.column, counted.leads[1], text)
    return _Test("DRIFT007", counted.feature, moved.p, moved.excess >= MATERIAL, finding)


@dataclass(frozen=True)
class Ranking:
    """AUC of the out-of-time predictions then and of the new leads now, and `fallen`'s chance."""

    before: float
    now: float
    p: float


def diagnose_outcomes(
    scores: Movement, leads: int, calibration: InTheLarge | None, ranking: Ranking | None
) -> tuple[list[Finding], float]:
    """Test scores, level, slope and ranking; return findings and the scores' adjusted p.

    Parameters
    ----------
    scores : Movement
        Of the distribution of scores.
    leads : int
        New leads with a score.
    calibration, ranking
        None where too few outcomes are known.
    """
    tests = [_scores_moved(scores, leads)]
    if calibration is not None:
        tests.append(_level_off(calibration))
        tests += _slope_off(calibration)
    if calibration is not None and ranking is not None:
        tests.append(_ranking_fell(calibration, ranking))
    adjusted = _adjusted([test.p for test in tests])
    found = [t.finding for t, p in zip(tests, adjusted, strict=True) if p < CHANCE and t.material]
    return found, adjusted[0]


def _scores_moved(scores: Movement, leads: int) -> _Test:
    text = (
        f"the new leads' scores are spread otherwise than those of the training leads (PSI "
        f"{scores.psi:.2f}, by chance {scores.expected:.2f}): other leads come in than the model "
        "learnt from; train again with newer leads"
    )
    finding = Finding("DRIFT008", "warning", None, leads, text)
    return _Test("DRIFT008", "", scores.p, scores.excess >= MATERIAL, finding)


def _level_off(calibration: InTheLarge) -> _Test:
    side = "more" if calibration.difference > 0 else "fewer"
    text = (
        f"{side} wins than promised: {calibration.observed:.1%} of {calibration.leads} leads "
        f"closed, {calibration.expected:.1%} were expected (difference "
        f"{100 * calibration.low:+.1f} to {100 * calibration.high:+.1f} points); recalibrate"
    )
    finding = Finding("DRIFT009", "warning", None, calibration.leads, text)
    return _Test("DRIFT009", "", calibration.p, True, finding)


def _slope_off(calibration: InTheLarge) -> list[_Test]:
    slope = calibration.slope
    if slope is None:
        return []
    apart = "too far apart" if slope.value < 1 else "too close together"
    text = (
        f"the probabilities lie {apart}: slope {slope.value:.2f} "
        f"({slope.low:.2f} to {slope.high:.2f}), 1 is right; recalibrate"
    )
    finding = Finding("DRIFT010", "warning", None, calibration.leads, text)
    return [_Test("DRIFT010", "", slope.p, True, finding)]


def _ranking_fell(calibration: InTheLarge, ranking: Ranking) -> _Test:
    text = (
        f"the ranking is worse than it was: AUC {ranking.now:.3f} on {calibration.leads} new "
        f"leads, {ranking.before:.3f} out of time when trained; what made leads close has "
        "changed: train again"
    )
    finding = Finding("DRIFT011", "warning", None, calibration.leads, text)
    material = ranking.before - ranking.now >= AUC_FALL
    return _Test("DRIFT011", "", ranking.p, material, finding)


def _adjusted(chances: Sequence[float]) -> list[float]:
    """Adjust for the number of tests, and for there being two families of them."""
    return [min(1.0, 2 * p) for p in holm(chances)]


def most_urgent(asked: Sequence[str]) -> str:
    """Return what has to be done first of all that is asked for."""
    return max(asked, key=URGENCY.index, default=NOTHING)
