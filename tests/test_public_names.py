"""The public names are pinned, and asking for help stays cheap."""

import subprocess
import sys

import pytest

import leadml

HEAVY = ("fastapi", "matplotlib", "mlflow", "numpy", "pandas", "scipy", "sklearn", "sqlalchemy")

PUBLIC = [
    "Scorer",
    "Settings",
    "__version__",
    "check",
    "check_points",
    "demo",
    "drift",
    "errors",
    "evaluate",
    "fit_points",
    "init",
    "load_scorer",
    "load_settings",
    "models",
    "promote",
    "read_leads",
    "recalibrate",
    "report",
    "score",
    "score_accounts",
    "scorecard",
    "simulate",
    "train",
]


def test_public_names_are_pinned() -> None:
    assert sorted(leadml.__all__) == PUBLIC
    assert dir(leadml) == sorted(leadml.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(leadml, name)
    assert value.__doc__ or isinstance(value, str)


def test_a_package_never_shadows_a_public_function() -> None:
    code = (
        "import leadml, leadml.api, leadml.model, leadml.pages, leadml.store;"
        "print([n for n in leadml.__all__ if type(getattr(leadml, n)) is type(leadml)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['errors']"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = leadml.nothing


@pytest.mark.parametrize("module", ["leadml", "leadml.cli.main", "leadml.errors"])
def test_importing_is_lazy(module: str) -> None:
    loaded = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import atexit, runpy, sys; sys.argv = ['leadml', '--help'];"
        f"atexit.register(lambda: print('LOADED', [m for m in {HEAVY} if m in sys.modules]));"
        "runpy.run_module('leadml', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage:" in done.stdout
    assert done.stdout.rstrip().endswith("LOADED []")
