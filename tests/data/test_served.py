"""Probabilities that a CRM wrote back."""

import numpy as np

from leadml.data.places import Places
from leadml.data.served import served_probability

LINES = Places("line", np.arange(2, 8))


def test_what_is_no_probability_is_told_and_taken_away() -> None:
    served = np.array([0.0, 1.0, 0.25, 45.0, -0.1, np.nan])
    found, findings = served_probability(served, "p", LINES)
    assert found is not None
    np.testing.assert_array_equal(found, [0.0, 1.0, 0.25, np.nan, np.nan, np.nan])
    (finding,) = findings
    assert (finding.code, finding.severity, finding.column, finding.count) == (
        "DATA051",
        "warning",
        "p",
        2,
    )
    assert finding.examples == ("line 5: 45", "line 6: -0.1")


def test_probabilities_are_as_they_are() -> None:
    served = np.array([0.1, np.nan])
    found, findings = served_probability(served, "p", LINES)
    assert found is served
    assert findings == []
    assert served_probability(None, None, LINES) == (None, [])
