"""A points table put in the place of another one, all else left as it was."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from leadml.domain.points_table import PointsTable, Rule
from leadml.errors import ConfigError
from leadml.settings import settings_from
from leadml.workflows.points_toml import points_section, with_points

OLD = PointsTable(
    threshold=80,
    rules=(
        Rule(
            name='a "quoted" # name', points=25, column="title", one_of=("CEO", 'a\\b"c', 5, True)
        ),
        Rule(name="b", points=-4.5, group="value", column="size", at_least=10, at_most=1e6),
        Rule(name="c", points=5, column="x", matches=r"(?i)a\d+\s"),
        Rule(name="between", points=1, column="x", between=(0.5, 2)),
        Rule(name="present", points=1, column="x", present=False),
        Rule(name="line\nbreak", points=1, column="x", equals="ü\t"),
        Rule(
            name="d",
            group="page",
            points=5,
            activity="page_view",
            detail="/pricing*",
            within_days=30,
            at_least=2,
            per="each",
            max_points=15,
            half_life_days=7.5,
        ),
    ),
    caps={"page": 35, "total": 120},
    buckets={"A+": 110, "B": 80},
)
NEW = replace(
    OLD,
    threshold=61.5,
    rules=tuple(
        replace(rule, points=rule.points + 2, max_points=rule.max_points and 21)
        for rule in OLD.rules
    ),
    caps={"page": 50, "total": 200},
    buckets={"A+": 90, "B": 61.5},
)
SECTION = points_section(NEW, OLD, heading="Fitted on 100 leads", notes={"b": "too low,\nvery"})


def read(text: str) -> PointsTable:
    return settings_from(tomllib.loads(text), path=Path("leadml.toml")).definition.points


def test_the_section_reads_as_the_table_it_was_written_from() -> None:
    assert read(SECTION) == NEW


def test_what_it_was_stands_beside() -> None:
    lines = SECTION.splitlines()
    assert lines[0] == "# Fitted on 100 leads"
    assert "threshold = 61.5               # was 80" in lines
    assert "points = 27                    # was 25" in lines
    assert "points = -2.5                  # was -4.5; too low, very" in lines
    assert "max_points = 21                # was 15" in lines
    assert '"A+" = 90                      # was 110' in lines
    assert "page = 50                      # was 35" in lines


TEXT = '''\
# Both signed this.
[leads]
id = "lead_id"                 # [points] is not here
ignore = ["a",
  "[points]",  # nor here
]

# Agreed over coffee.
[points]
threshold = 80
# a rule
[[points.rules]]
name = "a"
points = 1
column = """x
[leads]
"""
present = true

[points.caps]
fit = 10

# Of the agreement.

# And this.
[sales_ready]
version = \'\'\'
[points]
\'\'\'
[[points.rules]]
name = "b"
points = 2
column = 'y'
present = true
'''


def test_everything_else_stays_as_it_was() -> None:
    written = with_points(TEXT, SECTION, where="leadml.toml")
    start, end = TEXT.index("[points]\nthreshold"), TEXT.index("# Of the agreement.")
    tail = TEXT[end : TEXT.index('[[points.rules]]\nname = "b"')]
    assert written == TEXT[:start] + SECTION + "\n" + tail
    content = tomllib.loads(written)
    assert content["sales_ready"] == {"version": "[points]\n"}
    assert content["leads"]["ignore"] == ["a", "[points]"]
    assert len(content["points"]["rules"]) == len(NEW.rules)


def test_a_file_that_ends_without_a_line_break_is_read_too() -> None:
    text = '[[points.rules]]\nname = "a"\npoints = 1\ncolumn = "x"\npresent = true'
    assert with_points(text, SECTION, where="f") == SECTION + "\n"
    text = '[points]\nthreshold = 1\n[leads]\nid = "x"  # the end'
    assert with_points(text, SECTION, where="f") == SECTION + '\n[leads]\nid = "x"  # the end\n'


@pytest.mark.parametrize(
    "text",
    [
        'points = {rules = [{name = "a", points = 1, column = "x", present = true}]}\n',
        "points.threshold = 5\n",
    ],
)
def test_points_written_otherwise_are_refused(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^leadml\.toml: the points are not written as \[points\]"
    ):
        with_points(text, SECTION, where="leadml.toml")
