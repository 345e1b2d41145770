"""Sections of which more has to hold than the type of each value."""

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from leadml.domain.definition import Definition
from leadml.domain.handoff import HandoffPolicy
from leadml.domain.mapping import LeadMapping
from leadml.domain.points_table import PointsTable, Rule
from leadml.domain.webhook import NAME, Endpoint
from leadml.errors import ConfigError
from leadml.settings.sections import ModelSettings
from leadml.settings.tables import as_table, read_section, refuse_unknown

T = TypeVar("T")


def lead_mapping(table: Mapping[str, Any], where: str) -> LeadMapping:
    """Read ``[leads]``: columns have names, and what belongs together is mapped together."""
    mapping = read_section(LeadMapping, table, "leads", where)
    for key, value in table.items():
        if value == "":
            msg = f"{where} [leads]: {key} is empty: name a column, or leave {key} out"
            raise ConfigError(msg)
    if mapping.margin and mapping.margin_amount:
        msg = f"{where} [leads]: give margin (a fraction) or margin_amount (money), not both"
        raise ConfigError(msg)
    if bool(mapping.explored) != bool(mapping.handoff_probability):
        one, other = ("explored", "handoff_probability")
        one, other = (one, other) if mapping.explored else (other, one)
        msg = (
            f"{where} [leads]: {one} is mapped without {other}: leads handed off at random to "
            "learn from count by both; map both or neither"
        )
        raise ConfigError(msg)
    try:
        ZoneInfo(mapping.timezone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        near = difflib.get_close_matches(mapping.timezone, available_timezones(), 1, 0.6)
        hint = f"did you mean {near[0]}?" if near else "use an IANA name such as Europe/Berlin"
        msg = f"{where} [leads]: timezone {mapping.timezone!r} is not known; {hint}"
        raise ConfigError(msg) from None
    return mapping


def handoff_policy(table: Mapping[str, Any], leads: LeadMapping, where: str) -> HandoffPolicy:
    """Read ``[handoff]``, which may need columns of ``[leads]``."""
    policy = read_section(HandoffPolicy, table, "handoff", where)
    if policy.needs_owner and leads.owner is None:
        msg = (
            f"{where} [handoff]: {policy.needs_owner} needs to know whose lead it is: map owner "
            "under [leads], or leave it out"
        )
        raise ConfigError(msg)
    if policy.policy == "profit" and leads.amount is None and leads.margin_amount is None:
        msg = (
            f'{where} [handoff]: policy = "profit" weighs leads by their expected margin: map '
            "amount or margin_amount under [leads], or choose another policy"
        )
        raise ConfigError(msg)
    return policy


def points_table(table: Mapping[str, Any], where: str) -> PointsTable:
    """Read ``[points]`` and its rules."""
    raw_rules = table.get("rules", [])
    if not isinstance(raw_rules, list) or not all(isinstance(rule, dict) for rule in raw_rules):
        msg = f"{where}: write points rules as [[points.rules]] tables"
        raise ConfigError(msg)
    rules = [_rule(rule, number, where) for number, rule in enumerate(raw_rules, 1)]
    plain = {key: value for key, value in table.items() if key != "rules"}
    refuse_unknown(plain, ("threshold", "rules", "caps", "buckets"), f"{where} [points]", "setting")
    return read_section(PointsTable, plain, "points", where, rules=tuple(rules))


def _rule(table: Mapping[str, Any], number: int, where: str) -> Rule:
    if "one_of" in table:
        msg = f"{where} [points.rules {number}]: one_of is not a setting leadml knows; write in"
        raise ConfigError(msg)
    named = {"one_of" if key == "in" else key: value for key, value in table.items()}
    section = f"points.rules {number}" + (f" {table['name']!r}" if "name" in table else "")
    return read_section(Rule, named, section, where)


_CRMS = ("hubspot", "tryton")


def crm_section(kind: type[T], table: Mapping[str, Any], name: str, where: str) -> T:
    """Read the table of one CRM."""
    refuse_unknown(table, _CRMS, f"{where} [crm]", "CRM")
    return read_section(
        kind, as_table(table.get(name, {}), f"crm.{name}", where), f"crm.{name}", where
    )


def endpoints(table: Mapping[str, Any], where: str) -> dict[str, Endpoint]:
    """Read ``[webhooks.NAME]``, a table an endpoint."""
    found = {}
    for name, each in table.items():
        if not isinstance(each, dict):
            msg = (
                f"{where} [webhooks]: {name} must be a table of its own: write [webhooks.NAME] "
                "with url for each endpoint"
            )
            raise ConfigError(msg)
        if not NAME.fullmatch(name):
            msg = (
                f"{where} [webhooks.{name}]: an endpoint's name is 1 to 40 small letters, digits "
                "and _, a letter first"
            )
            raise ConfigError(msg)
        found[name] = read_section(Endpoint, each, f"webhooks.{name}", where)
    return found


def model_settings(table: Mapping[str, Any], definition: Definition, where: str) -> ModelSettings:
    """Read ``[model]``, which may need points rules."""
    model = read_section(ModelSettings, table, "model", where)
    if model.monotonic == "points" and not definition.points.rules:
        msg = (
            f'{where} [model]: monotonic = "points" keeps the model to the points rules, and there '
            "are none: write [[points.rules]], or leave monotonic out"
        )
        raise ConfigError(msg)
    return model
