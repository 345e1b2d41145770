"""A score in words, between two lines that set it apart from what people write."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_SIGN = "--- leadml"
BEGIN = f"{_SIGN}: do not write between these lines"
_BLOCK = re.compile(
    rf"{re.escape(BEGIN)}(?:(?!{re.escape(BEGIN)}).)*?{_SIGN} ([0-9a-f]{{16}})(?![0-9a-f])",
    re.DOTALL,
)
_STAGES = {"nurture": "nurture", "not_qualified": "not qualified", None: "not now"}


def score_text(answer: Mapping[str, Any]) -> str:
    """Return score, decision and reasons, a line each.

    Parameters
    ----------
    answer : mapping
        The fields of `leadml.workflows.score.Answer`, without errors.
    """
    points = "" if answer["points"] is None else f", {answer['points']:g} points"
    lines = [
        f"{100 * answer['probability']:.1f} % (band {answer['band']}){points}: {_decision(answer)}"
    ]
    lines += [f"{_sign(reason)} {reason['text']}" for reason in answer["reasons"]]
    lines.append(f"version {answer['model_version']}, {answer['scored_at'][:16]} UTC")
    return "\n".join(" ".join(line.split()) for line in lines)


def _decision(answer: Mapping[str, Any]) -> str:
    if answer["explored"]:
        return "hand off, to learn from; follow up in any case"
    return "hand off" if answer["hand_off"] else _STAGES[answer["stage"]]


def _sign(reason: Mapping[str, Any]) -> str:
    return "+" if reason["direction"] == "up" else "−"


def with_block(text: str | None, words: str, mark: str) -> str:
    """Return a text with the words of a score in it, in place of earlier ones or at its end.

    What people wrote above and below stays as it is, to the letter.
    """
    block = f"{BEGIN}\n{words.replace(_SIGN, '')}\n{_SIGN} {mark}"
    kept = text or ""
    found = _BLOCK.search(kept)
    if found:
        return kept[: found.start()] + block + kept[found.end() :]
    return f"{kept}{_gap(kept)}{block}"


def _gap(text: str) -> str:
    if not text:
        return ""
    return "\n" if text.endswith("\n") else "\n\n"


def mark_in(text: str | None) -> str | None:
    """Return the mark of the score that stands in a text; None without one."""
    found = _BLOCK.search(text or "")
    return found[1] if found else None


def mark_of(
    version: str,
    columns: Mapping[str, object],
    activities: Sequence[Mapping[str, object]] | None,
) -> str:
    """Return a name of all that a score stands on: the version, and what is known of the lead."""
    content = [version, columns, activities]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
