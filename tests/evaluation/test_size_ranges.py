import numpy as np

from leadml.evaluation.size_ranges import range_names, size_ranges


def test_every_edge_belongs_to_the_range_it_names() -> None:
    ends = [1, 9, 10, 49, 50, 249, 250, 999, 1000, 4999, 5000, 1e6]
    names = range_names()
    assert size_ranges(np.array(ends, float)).tolist() == [names[n // 2] for n in range(12)]


def test_no_people_is_not_known() -> None:
    assert size_ranges(np.array([0.0, -3.0, np.nan, 0.5])).tolist() == [None] * 4
