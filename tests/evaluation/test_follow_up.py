import numpy as np

from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.follow_up import MOST, Handoffs, by_slice, follow_up


def flags(text: str) -> np.ndarray:
    return np.array([letter == "1" for letter in text])


#         10 leads: 8 handed off, 7 of them matured, 5 of those worked in time, 3 of those won;
#         one of the two others was won all the same; lead 9 was won but never handed off.
LEADS = Handoffs(
    handed_off=flags("1111111100"),
    matured=flags("1111111010"),
    followed_up=flags("1111100111"),
    won=flags("1110010101"),
)


def test_counts_by_hand() -> None:
    counted = follow_up(LEADS, confidence=0.95).to_dict()
    assert counted == {
        "handed_off": 8,
        "matured": 7,
        "followed_up": 5,
        "won": 3,
        "won_after_late_follow_up": 1,
        "follow_up_share": 5 / 7,
        "close_rate": {
            "followed_up": close_rate(3, 5, 0.95).to_dict(),
            "handed_off": close_rate(4, 7, 0.95).to_dict(),
        },
    }


def test_nothing_matured_is_no_rate_of_zero() -> None:
    nobody = Handoffs(
        handed_off=flags("11"), matured=flags("00"), followed_up=flags("11"), won=flags("11")
    )
    counted = follow_up(nobody, confidence=0.95)
    assert counted.follow_up_share is None
    assert counted.to_dict()["close_rate"]["handed_off"]["reason"] == "no hand-off has matured"


def test_slices_add_up_and_come_largest_first() -> None:
    owner = np.array(["Lee", "Kim", "Kim", "Kim", None, None, "Lee", "Kim", "Kim", "Lee"], object)
    rows = by_slice(LEADS, owner, key="owner", confidence=0.95)
    assert [(row["owner"], row["handed_off"]) for row in rows] == [
        ("Kim", 4),
        ("Lee", 2),
        (None, 2),
    ]
    whole = follow_up(LEADS, confidence=0.95).to_dict()
    for count in ("handed_off", "matured", "followed_up", "won", "won_after_late_follow_up"):
        assert sum(row[count] for row in rows) == whole[count]
    assert "verdict" not in rows[0]


def test_months_come_in_order() -> None:
    month = np.array(["2026-02"] * 5 + ["2026-01"] * 5, object)
    rows = by_slice(LEADS, month, key="month", confidence=0.95, by_name=True)
    assert [row["month"] for row in rows] == ["2026-01", "2026-02"]


def test_rows_come_in_the_order_asked_for() -> None:
    size = np.array(["50 or more"] * 5 + ["1 to 9"] * 2 + [None] * 2 + ["?"], object)
    order = ["1 to 9", "10 to 49", "50 or more"]
    rows = by_slice(LEADS, size, key="size", confidence=0.95, order=order)
    assert [row["size"] for row in rows] == ["1 to 9", "50 or more", None]


def test_of_very_many_groups_the_rest_is_one() -> None:
    # MOST + 1 groups of one lead each, and one of three
    leads = MOST + 4
    all_of = np.ones(leads, bool)
    name = np.array([f"g{min(n, MOST + 1):03d}" for n in range(leads)], object)
    handoffs = Handoffs(handed_off=all_of, matured=all_of, followed_up=all_of, won=all_of)
    rows = by_slice(handoffs, name, key="g", confidence=0.95)
    assert len(rows) == MOST
    assert (rows[0]["g"], rows[0]["handed_off"]) == (f"g{MOST + 1}", 3)
    assert (rows[-1]["g"], rows[-1]["handed_off"], rows[-1]["rest"]) == ("3 others", 3, True)
    assert sum(row["won"] for row in rows) == leads
    months = by_slice(handoffs, name, key="month", confidence=0.95, by_name=True)
    assert len(months) == MOST + 2
