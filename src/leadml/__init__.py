"""leadml: lead conversion predictions held against an agreement both departments signed.

Everything an analyst needs is here; nothing heavy is imported before it is used (PEP 562).
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_HOME = {
    "Scorer": "leadml.workflows.score",
    "Settings": "leadml.settings",
    "check": "leadml.workflows.check",
    "check_points": "leadml.workflows.points_check",
    "demo": "leadml.workflows.demo",
    "drift": "leadml.workflows.drift",
    "errors": "leadml.errors",
    "evaluate": "leadml.workflows.evaluate",
    "fit_points": "leadml.workflows.points_fit",
    "init": "leadml.workflows.init",
    "load_scorer": "leadml.workflows.score",
    "load_settings": "leadml.settings",
    "models": "leadml.workflows.models",
    "promote": "leadml.workflows.models",
    "read_leads": "leadml.workflows.reading",
    "recalibrate": "leadml.workflows.recalibrate",
    "report": "leadml.workflows.report",
    "score": "leadml.workflows.score_file",
    "scorecard": "leadml.workflows.scorecard",
    "score_accounts": "leadml.workflows.account_scores",
    "simulate": "leadml.data.simulate",
    "train": "leadml.workflows.train",
}

__all__ = [*sorted(_HOME), "__version__"]

try:
    __version__ = version("leadml")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    """Import the module that has `name` the first time it is asked for."""
    if name not in _HOME:
        msg = f"module 'leadml' has no attribute {name!r}"
        raise AttributeError(msg)
    home = import_module(_HOME[name])
    value = home if name == "errors" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
