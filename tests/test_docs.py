"""The documentation names all a user can write, run or read, and nothing that is not there."""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path

import click
import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

import leadml
from leadml.api.pages.website import ROUTERS
from leadml.api.routes import schemas
from leadml.api.routes.hubspot_schemas import HubSpotOutput
from leadml.api.routes.score_routes import health, scoring
from leadml.cli.main import main
from leadml.domain.agreement import Agreement
from leadml.domain.handoff import HandoffPolicy
from leadml.domain.mapping import ActivityMapping, HistoryMapping, LeadMapping
from leadml.domain.points_table import PointsTable, Rule
from leadml.domain.targets import Targets
from leadml.domain.tryton import TrytonConnection
from leadml.domain.webhook import Endpoint
from leadml.evaluation.metrics import METRICS
from leadml.settings import (
    HubSpotSettings,
    ModelSettings,
    RejectionSettings,
    ServeSettings,
    StoreSettings,
    TrackingSettings,
    settings_from,
)

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
LINKS = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", README)
PAGES = {link: (ROOT / link).read_text("utf-8") for link in LINKS if link.endswith(".md")}
COMMANDS_PAGE = PAGES.get("docs/commands.md", "")
CODES_PAGE = PAGES.get("docs/codes.md", "")
SOURCE = "\n".join(p.read_text("utf-8") for p in sorted((ROOT / "src").rglob("*.py")))
CODE = re.compile(r"[A-Z]{3,8}\d{3}")


def commands(group: click.Group, path: str = "leadml") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


COMMANDS = dict(commands(main))
LEAVES = [path for path, command in COMMANDS.items() if not isinstance(command, click.Group)]
PARAMETERS = [
    (path, parameter)
    for path in LEAVES
    for parameter in COMMANDS[path].params
    if isinstance(parameter, click.Option)
]


def section(page: str, title: str) -> str:
    """Return what stands under the heading ``## `title``` up to the next heading."""
    found = re.search(
        rf"^## `{re.escape(title)}`\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE
    )
    return found[1] if found else ""


@pytest.mark.parametrize("link", LINKS)
def test_every_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert "://" in link or (ROOT / link).exists()


@pytest.mark.parametrize("page", sorted(p.name for p in (ROOT / "docs").glob("*.md")))
def test_every_page_is_linked_and_its_links_hold(page: str) -> None:
    text = PAGES[f"docs/{page}"]
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        assert "://" in link or (ROOT / "docs" / link).exists(), link


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_is_documented_in_the_readme_and_the_commands_page(path: str) -> None:
    assert f"`{path}" in README
    assert section(COMMANDS_PAGE, path), f"docs/commands.md has no section ## `{path}`"


@pytest.mark.parametrize(("path", "option"), PARAMETERS, ids=lambda v: str(getattr(v, "name", v)))
def test_every_option_is_documented_under_its_command(path: str, option: click.Option) -> None:
    long = max(option.opts, key=len)
    assert re.search(rf"{re.escape(long)}\b", section(COMMANDS_PAGE, path)), f"{path} {long}"


def test_the_commands_page_names_no_option_that_is_not_there() -> None:
    for path in LEAVES:
        known = {name for p in COMMANDS[path].params for name in (*p.opts, *p.secondary_opts)}
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", section(COMMANDS_PAGE, path)))
        assert named <= known | {"--help"}, f"{path}: {named - known}"


@pytest.mark.parametrize("path", ["leadml", *COMMANDS])
def test_every_command_helps_with_examples(path: str) -> None:
    command = COMMANDS.get(path, main)
    page = command.get_help(click.Context(command, info_name=path))
    assert "Example" in page
    assert path in page.split("Example", 1)[1]


@pytest.mark.parametrize(("path", "option"), PARAMETERS, ids=lambda v: str(getattr(v, "name", v)))
def test_every_option_has_help(path: str, option: click.Option) -> None:
    assert option.help, f"{path} {option.opts}"


def code_lines(language: str) -> Iterator[str]:
    for text in (README, *PAGES.values()):
        for block in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL):
            yield from block.replace("\\\n", " ").splitlines()


EXAMPLES = sorted({line.strip() for line in code_lines("sh") if line.strip().startswith("leadml ")})


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_command_can_be_typed(line: str) -> None:
    words = shlex.split(line, comments=True)
    paths = (" ".join(words[:count]) for count in (4, 3))
    path = next((path for path in paths if path in COMMANDS), " ".join(words[:2]))
    assert path in COMMANDS or words[1].startswith("--")
    if path in COMMANDS:
        known = {name for p in COMMANDS[path].params for name in p.opts}
        assert {word for word in words if word.startswith("-")} <= known | {"--help"}


SECTIONS = {
    "leads": LeadMapping,
    "activities": ActivityMapping,
    "history": HistoryMapping,
    "sales_ready": Agreement,
    "handoff": HandoffPolicy,
    "points": PointsTable,
    "points.rules": Rule,
    "model": ModelSettings,
    "store": StoreSettings,
    "rejections": RejectionSettings,
    "targets": Targets,
    "tracking": TrackingSettings,
    "serve": ServeSettings,
    "crm.hubspot": HubSpotSettings,
    "webhooks": Endpoint,
    "crm.tryton": TrytonConnection,
}
KEYS = [
    (name, {"one_of": "in"}.get(field.name, field.name))
    for name, kind in SECTIONS.items()
    for field in fields(kind)
]


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_every_key_of_the_agreement_file_is_explained(name: str, key: str) -> None:
    page = PAGES["docs/points.md" if name == "points.rules" else "docs/agreement.md"]
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert any(f"`{key}`" in row.split("|")[1] for row in rows)


@pytest.mark.parametrize(
    ("title", "field"),
    [(title, field) for title in ("sales_ready", "handoff") for field in fields(SECTIONS[title])],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_the_defaults_of_the_agreement_are_the_documented_ones(
    title: str, field: Field[object]
) -> None:
    page = PAGES["docs/agreement.md"].split(f"## `[{title}]`", 1)[1].split("\n## ", 1)[0]
    (row,) = re.findall(rf"^\| `{field.name}` \|.*\| (.*) \|$", page, re.M)
    written = None if row == "none" else tomllib.loads(f"x = {row.strip('`')}")["x"]
    default = field.default if field.default is not MISSING else field.default_factory()
    assert (tuple(written) if isinstance(written, list) else written) == default


def toml_blocks() -> list[str]:
    texts = (README, *PAGES.values())
    return [b for text in texts for b in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]


@pytest.mark.parametrize("block", toml_blocks())
def test_every_example_of_the_agreement_file_loads(block: str) -> None:
    settings_from(tomllib.loads(block), path=ROOT / "leadml.toml")


def test_every_code_is_documented_and_every_documented_code_exists() -> None:
    used = {code[1:-1] for code in re.findall(rf'"{CODE.pattern}"', SOURCE)}
    documented = set(re.findall(rf"^\| `({CODE.pattern})` \|", CODES_PAGE, re.MULTILINE))
    assert used - documented == set()
    assert documented - used == set()


def test_every_environment_variable_is_documented() -> None:
    for variable in set(re.findall(r"LEADML_[A-Z_]+[A-Z]", SOURCE)) | {"LEADML_DATASETS"}:
        assert f"`{variable}`" in README


@pytest.mark.parametrize("name", sorted(set(leadml.__all__) - {"__version__"}))
def test_every_public_name_is_documented(name: str) -> None:
    assert f"`leadml.{name}" in PAGES["docs/python.md"]


@pytest.mark.parametrize("name", METRICS)
def test_every_measure_is_documented_with_its_direction(name: str) -> None:
    assert f"| `{name}` | {METRICS[name].better} |" in PAGES["docs/method.md"]


@pytest.mark.parametrize("route", [*health.routes, *scoring.routes], ids=lambda r: r.path)
def test_every_route_of_the_service_is_documented(route: APIRoute) -> None:
    (method,) = route.methods
    assert f"`{method} {route.path}`" in PAGES["docs/service.md"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method, route.path.replace(":path", ""))
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    ],
)
def test_every_page_of_the_service_is_documented(method: str, path: str) -> None:
    assert f"`{method} {path}`" in PAGES["docs/service.md"]


@pytest.mark.parametrize("kind", [schemas.ScoreRequest, schemas.ScoreAnswer, schemas.BatchAnswer])
def test_every_field_of_the_service_is_documented(kind: type[BaseModel]) -> None:
    for name in kind.model_fields:
        assert re.search(rf"[`\"]{name}[`\"]", PAGES["docs/service.md"]), name


def test_the_action_to_register_with_hubspot_has_every_output_field() -> None:
    section = PAGES["docs/crm.md"].split("\n## HubSpot\n", 1)[1]
    action = json.loads(re.findall(r"```json\n(.*?)```", section, re.DOTALL)[0])
    told = {
        each["typeDefinition"]["name"]: each["typeDefinition"] for each in action["outputFields"]
    }
    known = HubSpotOutput.model_json_schema()["properties"]
    assert {name: each["type"] for name, each in told.items()} == {
        name: each["type"] for name, each in known.items() if name != "hs_execution_state"
    }
    labels = action["labels"]["en"]
    assert labels["outputFieldLabels"].keys() == told.keys()
    asked = {each["typeDefinition"]["name"] for each in action["inputFields"]}
    assert labels["inputFieldLabels"].keys() == asked
