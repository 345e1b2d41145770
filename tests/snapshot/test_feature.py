"""A feature's declaration, and its form in a bundle."""

from leadml.snapshot.feature import Feature


def test_what_is_as_usual_is_not_written() -> None:
    plain = Feature(name="visits", kind="count", activity="visit")
    assert plain.to_dict() == {"name": "visits", "kind": "count", "activity": "visit"}
    narrow = Feature(name="n", kind="count", group="/a", scope="account", flags=True)
    assert narrow.to_dict() == {
        "name": "n",
        "kind": "count",
        "group": "/a",
        "scope": "account",
        "flags": True,
    }


def test_the_form_of_earlier_bundles_is_read() -> None:
    written = {"name": "c", "kind": "number", "column": "c", "gaps": ["?"], "flags": False}
    assert Feature.from_dict(written) == Feature(name="c", kind="number", column="c", gaps=("?",))


def test_codes_of_levels() -> None:
    kinds = {kind: Feature(name="f", kind=kind).categorical for kind in ("text", "first", "count")}
    assert kinds == {"text": True, "first": True, "count": False}


def test_kinds_of_activity_it_is_made_of() -> None:
    assert Feature(name="f", kind="count").activities == ()
    assert Feature(name="f", kind="text", column="c").activities == ()
    ratio = Feature(name="f", kind="ratio", activity="click", per="open")
    assert ratio.activities == ("click", "open")
