"""How much worse points look among the leads they chose, by simulation.

    python tests/benchmarks/range_restriction.py

Two scores see the same truth through equal noise, so that neither is better. The first chooses who
is worked, from a share of the leads on and more or less strictly; printed is how far its spread
shrinks among the worked leads, and by how much the other then seems better in AUC.
"""

import numpy as np

from leadml.evaluation.descent import Slope
from leadml.evaluation.range_restriction import narrowing

LEADS = 400_000


def main() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(-1.2, 1.0, LEADS)
    won = random.random(LEADS) < 1 / (1 + np.exp(-truth))
    points, other = (truth + random.normal(0, 0.7, LEADS) for _ in range(2))
    scaled = (points - points.mean()) / points.std()
    for cut in (-1.0, -0.5, 0.0, 0.5):
        for strictness in (50.0, 6.0, 3.0, 1.5, 0.8):
            worked = random.random(LEADS) < 1 / (1 + np.exp(-strictness * (scaled - cut)))
            auc = {}
            for name, score in (("points", points), ("other", other)):
                slope = Slope(won[worked], score[worked])
                auc[name] = slope.auc(slope.descent(np.ones(int(worked.sum()))))
            print(
                f"cut {cut:+.1f} sd, strictness {strictness:4.1f}: {worked.mean():.2f} worked, "
                f"spread {narrowing(points, worked):.2f}, AUC off by "
                f"{auc['other'] - auc['points']:+.3f}"
            )


if __name__ == "__main__":
    main()
