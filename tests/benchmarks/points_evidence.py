"""How often the verdicts and intervals of `leadml points check` are right, by simulation.

    python tests/benchmarks/points_evidence.py [TABLES]

draws TABLES tables (200) of each shape with known true points, and prints the share of tables with
a false alarm on any right rule (nominal 5 %), the share whose intervals hold all true points at
once (nominal 95 %), the unit over its true value and that of the slope on the total, and how often
each wrong rule got its verdict. Shapes: two of six rules wrong, all right, accounts of ten
like-minded leads, and 100 rules.
"""

import sys
from collections import Counter
from dataclasses import dataclass

import numpy as np

from leadml.evaluation.points_evidence import evidence_of
from leadml.evaluation.points_verdict import verdicts
from leadml.evaluation.points_worth import Firing
from leadml.evaluation.ridge import fit_ridge


@dataclass(frozen=True)
class Shape:
    """A table, its truth and the leads it meets."""

    today: np.ndarray
    truth: np.ndarray
    share: np.ndarray
    unit: float
    level: float = -1.2
    together: int = 1

    def draw(self, leads: int, seed: int) -> Firing:
        """Return leads; those of one account fire alike and share a leaning."""
        random = np.random.default_rng(seed)
        accounts = np.arange(leads) // self.together
        own = random.random((leads, len(self.today))) < self.share
        shared = (random.random((leads, len(self.today))) < self.share)[accounts]
        alike = self.together > 1
        unit = np.where(alike & (random.random((leads, 1)) < 0.7), shared, own).astype(float)
        worth = self.unit * (unit @ self.truth - (unit @ self.truth).mean())
        leaning = (alike * 0.7) * random.normal(size=leads)[accounts]
        won = random.random(leads) < 1 / (1 + np.exp(-(self.level + worth + leaning)))
        names = [f"{t:g} (true {v:g})" for t, v in zip(self.today, self.truth, strict=True)]
        return Firing(names=names, points=self.today, unit=unit, won=won, accounts=accounts)


def right(points: list[float], share: list[float], unit: float, **more: float) -> Shape:
    return Shape(np.array(points), np.array(points), np.array(share), unit, **more)  # type: ignore[arg-type]


HUNDRED = np.random.default_rng(0)
SHAPES = {
    "two of six wrong": Shape(
        np.array([20.0, 60, 15, 15, 25, 10]),
        np.array([20.0, 20, -15, 15, 25, 10]),
        np.array([0.3, 0.4, 0.3, 0.4, 0.35, 0.2]),
        0.05,
    ),
    "all right": right([10, 20, 30, 20, 10.0], [0.3, 0.3, 0.2, 0.1, 0.5], 0.03),
    "accounts of ten": right([10, 20, 30, 20, 10.0], [0.3, 0.3, 0.2, 0.1, 0.5], 0.04, together=10),
    "a hundred rules": right(
        (5.0 * HUNDRED.integers(1, 7, 100)).tolist(),
        HUNDRED.uniform(0.02, 0.4, 100).tolist(),
        0.012,
    ),
}


def simulated(shape: Shape, leads: int, tables: int) -> None:
    alarms = held = 0
    units, slopes = [], []
    said: dict[str, Counter[str]] = {}
    good = shape.today == shape.truth
    for seed in range(tables):
        firing = shape.draw(leads, seed)
        evidence = evidence_of(firing, confidence=0.95)
        found = verdicts(firing, evidence)
        calm = {"about right", "too few to say"}
        alarms += any(row.verdict not in calm for row, ok in zip(found, good, strict=True) if ok)
        own, told = evidence.rules, evidence.judged
        held += bool(((own.low <= shape.truth) & (shape.truth <= own.high))[told].all())
        units.append(evidence.worth.unit / shape.unit)
        slopes.append(slope_on_total(firing) / shape.unit)
        for row, ok in zip(found, good, strict=True):
            if not ok:
                said.setdefault(row.rule, Counter())[row.verdict] += 1
    print(
        f"{leads:>7,} leads: false alarm {alarms / tables:6.1%}, all held {held / tables:6.1%}, "
        f"unit {np.mean(units):.2f} ± {np.std(units):.2f}, slope {np.mean(slopes):.2f}"
    )
    for name, counts in said.items():
        print(f"          {name}: {dict(counts)}")


def slope_on_total(firing: Firing) -> float:
    total = firing.unit @ firing.points
    line = fit_ridge((total / total.std())[:, None], firing.won.astype(float))
    return float(line.coef[0]) / float(total.std())


def main() -> None:
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for name, shape in SHAPES.items():
        print(name)
        for leads in (1_000, 2_500, 10_000):
            simulated(shape, leads, tables)


if __name__ == "__main__":
    main()
