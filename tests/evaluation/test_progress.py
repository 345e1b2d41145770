from leadml.evaluation.progress import Month, progress

TARGETS = {"wins": 10.0, "margin": 5_000.0}


def test_a_past_month_and_the_present_one() -> None:
    months = [
        Month("2026-01", 1.0, {"wins": 9.0, "margin": 5_000.0}),
        Month("2026-02", 0.25, {"wins": 3.0, "margin": 1_000.0}),
    ]
    rows = progress(months, TARGETS, {})
    found = [(row["month"], row["name"], row["share"], row["due"], row["on_track"]) for row in rows]
    assert found == [
        ("2026-01", "wins", 0.9, 10.0, False),
        ("2026-01", "margin", 1.0, 5_000.0, True),  # exactly reached
        ("2026-02", "wins", 0.3, 2.5, True),
        ("2026-02", "margin", 0.2, 1_250.0, False),
    ]


def test_what_is_not_recorded_is_null_with_its_reason() -> None:
    (_, row) = progress(
        [Month("2026-01", 1.0, {"wins": 0.0, "margin": None})], TARGETS, {"margin": "no money"}
    )
    assert (row["actual"], row["share"], row["on_track"]) == (None, None, None)
    assert row["why_null"] == "no money"


def test_nothing_is_due_before_the_month_has_begun() -> None:
    row, _ = progress([Month("2026-01", 0.0, {"wins": 0.0, "margin": 0.0})], TARGETS, {})
    assert row["on_track"] is None
    assert row["why_null"] is None
