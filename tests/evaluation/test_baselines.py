from leadml.evaluation.baselines import baselines


def test_each_figure_stands_beside_the_number_it_is_of() -> None:
    rows = baselines(won_of_handed_off=0.3, won_of_leads=0.1, qualified=None)
    assert [(row["share"], row["at_most"], row["ours"], row["of"]) for row in rows] == [
        (0.135, False, 0.3, "matured hand-offs"),
        (0.15, True, 0.1, "leads that came in"),
        (0.20, False, None, "leads that came in"),
    ]
    assert all(row["cited"] for row in rows)
