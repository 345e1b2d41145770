"""The analyst's notebook runs from top to bottom, through the public names alone."""

import ast
import copy
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

import leadml

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "retrain.ipynb"


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_outputs_are_stripped(notebook: nbformat.NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_it_imports_leadml_and_nothing_inside_it(notebook: nbformat.NotebookNode) -> None:
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    imported = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    assert imported == {"pathlib", "pandas", "leadml"}


def test_leadml_reads_the_files(notebook: nbformat.NotebookNode) -> None:
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert "read_csv" not in code  # it would have to be told of delimiter and encoding


@pytest.fixture
def run(
    notebook: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[nbformat.NotebookNode]]:
    """Run the notebook in the test's folder; what it showed comes back."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    client = NotebookClient(
        copy.deepcopy(notebook),
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )

    def shown() -> list[nbformat.NotebookNode]:
        client.execute()
        return [
            output
            for cell in client.nb.cells
            if cell.cell_type == "code"
            for output in cell.outputs
            if output.output_type in {"execute_result", "stream"}
        ]

    return shown


# The kernel's own start-up is no concern of ours: jupyter warns of its paths and of open sockets.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_it_runs_on_a_simulated_crm(
    run: Callable[[], list[nbformat.NotebookNode]], tmp_path: Path
) -> None:
    shown = run()
    folder = tmp_path / "retrain"
    aliases = json.loads((folder / "models" / "aliases.json").read_text())
    assert aliases["champion"]["version"] == "1"
    assert (folder / "evaluation" / "evaluation.html").is_file()
    assert len(shown) >= 9
    assert "probability" in shown[-1]["data"]["text/html"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_it_runs_on_files_with_semicolons(
    run: Callable[[], list[nbformat.NotebookNode]], tmp_path: Path
) -> None:
    crm = leadml.simulate(1000)
    past = crm.as_of(pd.Timestamp("2025-05-01", tz="UTC"))
    folder = tmp_path / "retrain"
    folder.mkdir()
    files = {
        "leads.csv": past.leads,
        "activities.csv": past.activities,
        "newer.csv": crm.leads.iloc[len(past.leads) :],
        "newer_activities.csv": crm.activities,
    }
    for name, frame in files.items():  # as Excel saves them in Germany: semicolons, a mark in front
        frame.to_csv(folder / name, index=False, sep=";", encoding="utf-8-sig")
    (folder / "leadml.toml").write_text(crm.definition, encoding="utf-8")
    assert "probability" in run()[-1]["data"]["text/html"]
