"""A points table held against the outcomes of an export."""

from pathlib import Path

import pytest

from leadml.errors import ConfigError, TooFewOutcomes
from leadml.evaluation.points_verdict import RuleVerdict
from leadml.workflows.points_check import PointsCheck, check_points, summary_of


@pytest.fixture(scope="module")
def result(points_folder: Path) -> PointsCheck:
    return check_points(
        points_folder / "leads.csv",
        activities=points_folder / "activities.csv",
        config=points_folder / "leadml.toml",
    )


def rewritten(folder: Path, target: Path, *changes: tuple[str, str]) -> Path:
    text = (folder / "leadml.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = target / "leadml.toml"
    path.write_text(text)
    return path


def test_every_rule_gets_its_verdict(result: PointsCheck) -> None:
    values = result.to_dict()
    found = {row["rule"]: row for row in values["rules"]}
    assert {name: row["verdict"] for name, row in found.items()} == {
        "decision maker": "about right",
        "target industry": "too high",
        "free mail": "wrong sign",
        "large": "about right",
        "from the moon": "never fires",
        "asked for a demo": "about right",
        "opened a mail": "about right",
    }
    assert values["sentence"] == (
        "Of 7 rules, 1 gives more points than the data support, 1 points the wrong way and 1 never "
        "fires; 4 are about right."
    )
    for name, true in (("target industry", 20), ("free mail", -15), ("opened a mail", 8)):
        assert found[name]["low"] <= true <= found[name]["high"]
    assert found["opened a mail"]["group"] == "behaviour"
    assert set(found["large"]) == {
        "rule", "group", "points", "fires", "fired_won", "close_rate", "supported", "low", "high",
        "verdict", "with",
    }  # fmt: skip


def test_the_unit_is_that_of_the_leads(result: PointsCheck) -> None:
    unit = result.to_dict()["unit"]
    assert unit["basis"] == "rules"
    assert unit["low"] <= 0.05 <= unit["high"]
    assert unit["low"] < unit["log_odds_per_point"] < unit["high"]
    # e^(10 * 0.05) = 1.65
    assert unit["odds_of_10_points"] == pytest.approx(1.65, rel=0.2)


def test_only_matured_leads_count(result: PointsCheck) -> None:
    # now is 10 days after the last lead: the 20 days before it, a lead every 4 hours, are younger
    # than the horizon of 30 days
    assert result.leads == 2_500 - 20 * 6
    assert result.accounts < result.leads


def test_caps_are_named(result: PointsCheck) -> None:
    assert [f.code for f in result.findings if f.code.startswith("POINT")] == ["POINT005"]


def test_without_activities_their_rules_never_fire(points_folder: Path) -> None:
    result = check_points(points_folder / "leads.csv", config=points_folder / "leadml.toml")
    verdicts = {row.rule: row.verdict for row in result.rules}
    assert verdicts["asked for a demo"] == verdicts["opened a mail"] == "never fires"
    finding = next(f for f in result.findings if f.code == "POINT001")
    assert finding.count == 2


def test_a_rule_that_fires_for_all_and_one_of_no_points(
    points_folder: Path, tmp_path: Path
) -> None:
    config = rewritten(
        points_folder,
        tmp_path,
        ('equals = "Moon"', 'equals = "Earth"'),
        ("points = 8", "points = 0"),
    )
    result = check_points(
        points_folder / "leads.csv", activities=points_folder / "activities.csv", config=config
    )
    found = {row.rule: row for row in result.rules}
    assert found["from the moon"].verdict == "too few to say"
    assert found["from the moon"].fires == result.leads
    assert found["from the moon"].supported is None
    assert found["opened a mail"].verdict == "too low"
    assert found["opened a mail"].points == 0
    finding = next(f for f in result.findings if f.code == "POINT004")
    assert finding.examples == ("from the moon",)


def test_a_table_of_nothing_but_constants(points_folder: Path, tmp_path: Path) -> None:
    text = (points_folder / "leadml.toml").read_text().split("[points]")[0]
    path = tmp_path / "leadml.toml"
    path.write_text(
        text + '[[points.rules]]\nname = "all"\npoints = 5\ncolumn = "country"\npresent = true\n'
    )
    result = check_points(points_folder / "leads.csv", config=path)
    assert [row.verdict for row in result.rules] == ["too few to say"]
    assert result.to_dict()["unit"]["basis"] is None


def test_points_that_say_nothing_get_the_unit_of_their_spread(
    points_folder: Path, tmp_path: Path
) -> None:
    config = rewritten(
        points_folder,
        tmp_path,
        ("points = 20\n", "points = -20\n"),
        ("points = 25", "points = -25"),
        ("points = 60 ", "points = -60 "),
    )
    result = check_points(
        points_folder / "leads.csv", activities=points_folder / "activities.csv", config=config
    )
    assert result.unit["basis"] == "spread"
    assert result.unit["low"] is None
    assert "POINT006" in {f.code for f in result.findings}
    verdicts = {row.rule: row.verdict for row in result.rules}
    assert verdicts["decision maker"] == verdicts["asked for a demo"] == "wrong sign"


def test_without_rules_it_says_what_is_there(points_folder: Path, tmp_path: Path) -> None:
    text = (points_folder / "leadml.toml").read_text().split("# Agreed")[0]
    path = tmp_path / "leadml.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"^no rules to check: write the points table as"):
        check_points(points_folder / "leads.csv", config=path)
    path.write_text(text.replace("[leads]\n", '[leads]\npoints = "size"\n'))
    with pytest.raises(ConfigError, match=r"points = 'size' is a score the CRM made: there are no"):
        check_points(points_folder / "leads.csv", config=path)


def test_too_few_outcomes_are_refused_with_their_count(points_folder: Path, tmp_path: Path) -> None:
    lines = (points_folder / "leads.csv").read_text().splitlines()
    (tmp_path / "few.csv").write_text("\n".join(lines[:31]) + "\n")
    with pytest.raises(TooFewOutcomes, match=r"few\.csv: \d+ sales-ready and \d+ not, of 30 leads"):
        check_points(tmp_path / "few.csv", config=points_folder / "leadml.toml", as_of="2026-11-01")


def test_an_unknown_column_is_refused(points_folder: Path, tmp_path: Path) -> None:
    config = rewritten(points_folder, tmp_path, ('column = "size"', 'column = "sise"'))
    with pytest.raises(ConfigError, match=r"rule 'large' reads column 'sise'.*mean 'size'"):
        check_points(points_folder / "leads.csv", config=config)


def row(verdict: str, partner: str | None = None) -> RuleVerdict:
    return RuleVerdict(
        rule="r",
        points=1,
        fires=1,
        fired_won=1,
        close_rate=1.0,
        supported=1.0,
        low=1.0,
        high=1.0,
        verdict=verdict,
        partner=partner,
    )


def test_the_sentence_counts() -> None:
    rows = [row("too high"), row("too high"), row("too low"), row("double-counts with r", "r")]
    assert summary_of(rows) == (
        "Of 4 rules, 2 give more points than the data support, 1 gives fewer points than they "
        "support and 1 double-counts with another."
    )
    assert summary_of([row("about right")]) == "Of 1 rule, none is called wrong; 1 is about right."
    assert "1 has too few leads to say" in summary_of([row("too few to say")])
