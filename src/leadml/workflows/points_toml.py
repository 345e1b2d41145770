"""A points table as the text of leadml.toml, put in the place of the one that is there."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from leadml.domain.points_table import PointsTable, Rule
from leadml.errors import ConfigError

BESIDE = 30
"""Column at which comments stand."""
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\''
    r"|#[^\n]*|[\[\]{}]|\n|[^\"'#\[\]{}\n]+|.",
    re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def points_section(
    new: PointsTable, old: PointsTable, *, heading: str, notes: Mapping[str, str]
) -> str:
    """Write a table as TOML, what each number was beside it.

    Parameters
    ----------
    new, old : PointsTable
        Of the same rules, caps and buckets.
    heading : str
        Comment above it, one line.
    notes : mapping of str to str
        Rule name -> what the data say of it.
    """
    lines = [f"# {_clean(heading)}", "[points]"]
    lines.append(_line("threshold", new.threshold, _was(old.threshold)))
    for title, now, was in (("caps", new.caps, old.caps), ("buckets", new.buckets, old.buckets)):
        if now:
            lines += ["", f"[points.{title}]"]
            lines += [_line(_key(name), value, _was(was[name])) for name, value in now.items()]
    for rule, other in zip(new.rules, old.rules, strict=True):
        lines += ["", "[[points.rules]]", *_rule(rule, other, notes.get(rule.name, ""))]
    return "\n".join(lines) + "\n"


def _rule(rule: Rule, old: Rule, note: str) -> Iterator[str]:
    for key in _ORDER:
        value = getattr(rule, key)
        if value is None or (key == "per" and value == "once"):
            continue
        name, comment = {"one_of": "in"}.get(key, key), ""
        if key == "points":
            comment = f"{_was(old.points)}; {note}" if note else _was(old.points)
        if key == "max_points" and old.max_points is not None:
            comment = _was(old.max_points)
        yield _line(name, value, comment)


_FIRST = ("name", "group", "points")
_ORDER = (*_FIRST, *(field.name for field in fields(Rule) if field.name not in _FIRST))


def _was(value: float) -> str:
    return f"was {_spelt(value)}"


def _line(key: str, value: object, comment: str) -> str:
    setting = f"{key} = {_spelt(value)}"
    return f"{setting:<{BESIDE}} # {_clean(comment)}" if comment else setting


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _spelt(name)


def _clean(text: str) -> str:
    """Take line breaks and control characters out: a comment ends with its line."""
    return _CONTROL.sub(" ", text)


def _spelt(value: object) -> str:
    """Spell a value in TOML; its basic strings take JSON's escapes."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_spelt(item) for item in value) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


@dataclass(frozen=True)
class _Statement:
    text: str
    section: str | None

    @property
    def comment(self) -> bool:
        return self.text.lstrip().startswith("#")

    @property
    def idle(self) -> bool:
        """Whether it sets nothing: a comment or a blank line."""
        return self.comment or not self.text.strip()


def with_points(text: str, section: str, *, where: str) -> str:
    """Put a points section in the place of the ones a configuration has; leave all else as it is.

    Parameters
    ----------
    text : str
        The configuration, valid TOML.
    section : str
        From `points_section`.
    where : str
        Name of the file, for a refusal.

    Raises
    ------
    ConfigError
        If its points are not written as sections of their own.
    """
    parts: list[str] = []
    after: list[str] = []  # blanks and comments that may end the points, or head what follows
    inside = placed = False
    for statements in _blocks(text):
        section_now = statements[-1].section
        inside = section_now == "points" or (inside and section_now is None)
        texts = [statement.text for statement in statements]
        if not inside:
            parts += [*after, *texts]
            after = []
        elif section_now is None:
            after = [*after, *texts] if statements[0].idle else []
            after = after if "".join(after).strip() else []
        else:
            after = []
            if not placed:
                parts += [*texts[:-1], section, "\n"]
                placed = True
    parts += after
    written = "".join(parts)
    if not placed or _without(written) != _without(text):
        msg = (
            f"{where}: the points are not written as [points] and [[points.rules]] sections of "
            "their own; write them so, or replace them by hand"
        )
        raise ConfigError(msg)
    return written


def _without(text: str) -> dict[str, object]:
    content = tomllib.loads(text)
    content.pop("points", None)
    return content


def _blocks(text: str) -> Iterator[list[_Statement]]:
    """Yield single statements, and headers together with the comments right above them."""
    comments: list[_Statement] = []
    for statement in _statements(text):
        if statement.comment:
            comments.append(statement)
            continue
        if statement.section is None:
            yield from ([comment] for comment in comments)
            yield [statement]
        else:
            yield [*comments, statement]
        comments = []
    yield from ([comment] for comment in comments)


def _statements(text: str) -> Iterator[_Statement]:
    parts: list[str] = []
    depth = 0
    for piece in _TOKEN.findall(text):
        parts.append(piece)
        depth += (piece in "[{") - (piece in "]}")
        if piece == "\n" and not depth:
            yield _statement("".join(parts))
            parts = []
    if parts:
        yield _statement("".join(parts) + "\n")


def _statement(text: str) -> _Statement:
    if not text.lstrip().startswith("["):
        return _Statement(text, None)
    return _Statement(text, next(iter(tomllib.loads(text))))
