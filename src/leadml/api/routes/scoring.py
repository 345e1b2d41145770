"""From requests to answers: the one scoring path, every problem with its place in the body."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from leadml.api.recording.recorder import Recorder
from leadml.api.serving.pulse import Pulse
from leadml.data.values import NotUsableError, time_reader
from leadml.workflows.collecting import not_collecting
from leadml.workflows.score import Answer, Scorer
from leadml.workflows.scored_event import ScoredEvent, Telling, telling_of

Location = tuple[str | int, ...]
_OF_ACTIVITIES = ("activities", "account_activities")
_HOLDERS = frozenset({dict, list})


class ItemAnswer(NamedTuple):
    """One lead's answer.

    Attributes
    ----------
    answer : dict
        JSON-ready; its numbers are null where there are problems.
    problems : sequence of mapping
        ``{"loc": path in the request's body, "msg"}``.
    scored : ScoredEvent or None
        What the ledger keeps of it; None where it cannot.
    """

    answer: dict[str, object]
    problems: Sequence[Mapping[str, object]]
    scored: ScoredEvent | None = None


class Asked(NamedTuple):
    """One lead to be scored, built as `leadml.api.routes.schemas.ScoreRequest` describes."""

    lead: dict[str, Any]
    activities: list[dict[str, Any]] | None = None
    account_activities: list[dict[str, Any]] | None = None
    as_of: str | None = None


def as_json(content: object) -> bytes:
    """Return what an answer says; numbers are read back as exactly the same."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def one_answer(
    scorer: Scorer, recorder: Recorder, asked: Asked, pulse: Pulse
) -> tuple[HTTPStatus, bytes]:
    """Score one lead, record and count the score; return status and body of the answer."""
    (item,) = answer_requests(scorer, [asked], [("body",)])
    if item.problems:
        return HTTPStatus.UNPROCESSABLE_ENTITY, as_json({"detail": item.problems})
    answer = item.answer
    answer["recorded"] = recorder.offer(item.scored)
    pulse.scored(answer, asked.lead, asked.activities, asked.account_activities)
    return HTTPStatus.OK, as_json(answer)


def batch_answer(scorer: Scorer, recorder: Recorder, asked: Sequence[Asked], pulse: Pulse) -> bytes:
    """Score leads, record and count the scores; return the body of the answer."""
    with not_collecting():
        return _batch_answer(scorer, recorder, asked, pulse)


def _batch_answer(
    scorer: Scorer, recorder: Recorder, asked: Sequence[Asked], pulse: Pulse
) -> bytes:
    paths = [("body", "leads", position) for position in range(len(asked))]
    items = answer_requests(scorer, asked, paths)
    failed = sum(bool(item.problems) for item in items)
    taken = recorder.offer_all([item.scored for item in items])
    scores = [_result(item, recorded=told) for item, told in zip(items, taken, strict=True)]
    for one, answer in zip(asked, scores, strict=True):
        if not answer["errors"]:
            pulse.scored(answer, one.lead, one.activities, one.account_activities)
    return as_json({"scores": scores, "scored": len(items) - failed, "failed": failed})


def _result(item: ItemAnswer, *, recorded: bool) -> dict[str, object]:
    why = "; ".join(str(problem["msg"]) for problem in item.problems)
    return {**item.answer, "recorded": recorded, "error": why or None, "errors": item.problems}


def answer_requests(
    scorer: Scorer, requests: Sequence[Asked], paths: Sequence[Location]
) -> list[ItemAnswer]:
    """Score leads; `paths` says where each stands in the body."""
    moments = [_moment(scorer, request.as_of) for request in requests]
    answers = scorer.score_records(
        [request.lead for request in requests],
        activities=[request.activities for request in requests],
        account_activities=[request.account_activities for request in requests],
        as_of=[None if isinstance(moment, str) else moment for moment in moments],
    )
    telling = telling_of(scorer)
    return [
        _item(answer, request, _own_problems(scorer, request, moment), path, telling)
        for answer, path, request, moment in zip(answers, paths, requests, moments, strict=True)
    ]


def _moment(scorer: Scorer, as_of: str | None) -> datetime | str | None:
    """Return the moment asked for, or why it cannot be read."""
    if as_of is None:
        return None
    try:
        return time_reader(ZoneInfo(scorer.definition.leads.timezone), None)(as_of)
    except NotUsableError as error:
        return str(error)


def _own_problems(
    scorer: Scorer, request: Asked, moment: datetime | str | None
) -> dict[Location, str]:
    """Return what only JSON can get wrong: a moment that is none, a list where a value belongs."""
    problems: dict[Location, str] = {("as_of",): moment} if isinstance(moment, str) else {}
    if _HOLDERS.isdisjoint(map(type, request.lead.values())):
        return problems
    for name, value in request.lead.items():
        if isinstance(value, (dict, list)) and name in scorer.known_columns:
            kind = "an object" if isinstance(value, dict) else "a list"
            problems["lead", name] = f"expected a text, a number, true, false or null, found {kind}"
    return problems


def _item(
    answer: Answer, asked: Asked, own: dict[Location, str], path: Location, telling: Telling
) -> ItemAnswer:
    given = (_without_numbers(answer) if own else answer).to_dict()
    found = {_place(error["loc"]): error["msg"] for error in given.pop("errors")} | own
    if found:
        return ItemAnswer(given, [{"loc": [*path, *place], "msg": found[place]} for place in found])
    content = [asked.lead, asked.activities, asked.account_activities]
    return ItemAnswer(given, [], telling.event(given, asked.lead, content))


def _place(inside: Sequence[str]) -> Location:
    """Return a lead's own path as a path of the request: fields and activities lie side by side."""
    (name,) = inside
    given, _, number = name.partition(".")
    if given in _OF_ACTIVITIES and number.isdecimal():
        return (given, int(number))
    return ("lead", name)


def _without_numbers(answer: Answer) -> Answer:
    return replace(
        answer,
        probability=None,
        sales_ready=None,
        band=None,
        probability_eventually=None,
        stage=None,
        expected_margin=None,
        expected_margin_low=None,
        expected_margin_high=None,
        priority=None,
        hand_off=None,
        explored=None,
        handoff_probability=None,
        must_follow_up=None,
        points=None,
        points_ready=None,
        reasons=[],
        reasons_sum=None,
        as_of=None,
        points_bucket=None,
        grade=None,
        points_rules=[],
    )
