"""From an export to a trained model without editing the drafted file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from leadml.data.simulate import SimulatedCrm, simulate
from leadml.settings import load_settings

Run = subprocess.CompletedProcess[str]


def leadml(home: Path, *arguments: str) -> Run:
    return subprocess.run(
        [sys.executable, "-m", "leadml", *arguments],
        cwd=home,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def crm() -> SimulatedCrm:
    return simulate(800, seed=9)


def times(crm: SimulatedCrm, column: str, shape: str) -> "pd.Series[str]":
    return pd.to_datetime(crm.leads[column], utc=True).dt.strftime(shape)


def hubspot(crm: SimulatedCrm) -> pd.DataFrame:
    """Deals as HubSpot exports them: ISO-like times to the minute, without a zone."""
    leads = crm.leads
    return pd.DataFrame(
        {
            "Record ID": range(90001, 90001 + len(leads)),
            "Deal Name": leads["company"] + " - new business",
            "Deal Stage": leads["stage"].replace("Working", "Presentation Scheduled"),
            "Close Date": times(crm, "closed_at", "%Y-%m-%d %H:%M"),
            "Create Date": times(crm, "created_at", "%Y-%m-%d %H:%M"),
            "Amount": leads["amount"],
            "Deal owner": leads["rep"],
            "Associated Company": leads["company"],
            "Original Source Type": leads["lead_source"],
            "Job title": leads["job_title"],
            "Closed Lost Reason": leads["stage"].map({"Closed Lost": "price"}),
            "Last Modified Date": times(crm, "closed_at", "%Y-%m-%d %H:%M"),
        }
    )


def salesforce(crm: SimulatedCrm) -> pd.DataFrame:
    """An opportunity report of a Salesforce org in the United States: month first, no clock."""
    leads = crm.leads
    return pd.DataFrame(
        {
            "Opportunity ID": "006" + leads["lead_id"],
            "Opportunity Name": leads["company"],
            "Account Name": leads["company"],
            "Opportunity Owner": leads["rep"],
            "Stage": leads["stage"].replace({"New": "Prospecting", "Nurture": "Prospecting"}),
            "Created Date": times(crm, "created_at", "%m/%d/%Y"),
            "Close Date": times(crm, "closed_at", "%m/%d/%Y"),
            "Amount": leads["amount"].map(lambda value: f"${value:,.2f}", na_action="ignore"),
            "Lead Source": leads["lead_source"],
            "Industry": leads["industry"],
            "Employees": leads["company_size"],
            "Probability (%)": leads["stage"].map({"Closed Won": 100, "Closed Lost": 0}),
        }
    )


def dynamics(crm: SimulatedCrm) -> pd.DataFrame:
    """Opportunities exported from Dynamics 365 with German settings."""
    leads = crm.leads
    status = leads["stage"].map(
        {"Closed Won": "Won", "Closed Lost": "Lost", "Disqualified": "Lost"}
    )
    return pd.DataFrame(
        {
            "(Do Not Modify) Opportunity": "5f3c-" + leads["lead_id"],
            "(Do Not Modify) Row Checksum": "c" + leads["lead_id"],
            "(Do Not Modify) Modified On": times(crm, "closed_at", "%d.%m.%Y %H:%M"),
            "Topic": leads["company"],
            "Account": leads["company"],
            "Owner": leads["rep"],
            "Status": status.fillna("Open"),
            "Created On": times(crm, "created_at", "%d.%m.%Y %H:%M"),
            "Actual Close Date": times(crm, "closed_at", "%d.%m.%Y %H:%M"),
            "Est. Revenue": leads["amount"],
            "Lead Source": leads["lead_source"],
            "Country": leads["country"],
        }
    )


EXPORTS = {
    "HubSpot deals": (hubspot, None),
    "Salesforce opportunities": (salesforce, "%m/%d/%Y"),
    "Dynamics 365 opportunities": (dynamics, "%d.%m.%Y %H:%M"),
}


@pytest.mark.parametrize("preset", EXPORTS)
def test_a_vendors_export_trains_on_the_drafted_file(
    preset: str, crm: SimulatedCrm, tmp_path: Path
) -> None:
    export, date_format = EXPORTS[preset]
    export(crm).to_csv(tmp_path / "export.csv", index=False)
    done = leadml(tmp_path, "init", "export.csv", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["preset"] == preset
    mapping = load_settings(tmp_path / "leadml.toml").definition.leads
    assert mapping.date_format == date_format
    assert None not in (mapping.id, mapping.created_at, mapping.closed_at, mapping.owner)
    assert None not in (mapping.account, mapping.source, mapping.amount)
    assert mapping.ignore
    trained = leadml(tmp_path, "train", "export.csv", "--json")
    assert trained.returncode == 0, trained.stderr
    excluded = {row["column"] for row in json.loads(trained.stdout)["excluded"]}
    assert set(mapping.ignore) <= excluded


def test_the_simulated_export_trains_with_its_activities(crm: SimulatedCrm, tmp_path: Path) -> None:
    crm.leads.to_csv(tmp_path / "leads.csv", index=False)
    crm.activities.to_csv(tmp_path / "activities.csv", index=False)
    done = leadml(tmp_path, "init", "leads.csv", "--activities", "activities.csv")
    assert done.returncode == 0, done.stderr
    assert "outcome = stage: 6 values, Closed Won" in done.stdout
    assert "Written to leadml.toml: read it before anyone signs it." in done.stdout
    again = leadml(tmp_path, "init", "leads.csv")
    assert again.returncode == 1
    refusal = "leadml.toml is there already: use --force to write over it, or -o to name another"
    assert again.stderr == f"leadml: {refusal}\n"
    trained = leadml(tmp_path, "train", "leads.csv", "--activities", "activities.csv", "--json")
    assert trained.returncode == 0, trained.stderr


def test_without_an_outcome_training_says_what_to_fill_in(tmp_path: Path) -> None:
    rows = pd.DataFrame({"lead_id": range(50), "tier": ["a", "b"] * 25})
    rows.to_csv(tmp_path / "leads.csv", index=False)
    done = leadml(tmp_path, "init", "leads.csv")
    assert done.returncode == 0, done.stderr
    assert "outcome is yours to say: no column has values that read as won" in done.stdout
    trained = leadml(tmp_path, "train", "leads.csv")
    assert trained.returncode == 1
    assert trained.stderr.startswith("leadml: [leads].")
    assert "is not set" in trained.stderr


@pytest.mark.parametrize("name", ["bank-marketing", "online-shoppers", "salvirt-b2b", "bpi2012"])
def test_public_sets_are_drafted_without_edits(name: str, datasets: Path, tmp_path: Path) -> None:
    assert leadml(tmp_path, "datasets", "prepare", name, str(datasets), ".").returncode == 0
    prepared = load_settings(tmp_path / "leadml.toml").definition.leads
    activities = tmp_path / "activities.csv"
    more = ("--activities", str(activities)) if activities.exists() else ()
    done = leadml(tmp_path, "init", "leads.csv", "-o", "drafted.toml", "--json", *more)
    assert done.returncode == 0, done.stderr
    drafted = load_settings(tmp_path / "drafted.toml").definition.leads
    for key in ("id", "outcome", "won", "lost", "created_at", "closed_at", "owner"):
        assert getattr(drafted, key) == getattr(prepared, key)
