"""Who belongs to one company, and what colleagues did."""

import numpy as np
import pandas as pd

from leadml.data.accounts import MOST_LEADS, account_findings, account_log, accounts_of
from leadml.data.activities import Activities, read_activities
from leadml.data.leads import Leads, read_leads
from leadml.data.tables import table_of
from leadml.domain.mapping import ActivityMapping, LeadMapping

MAPPING = LeadMapping(id="id", account="company")


def leads_of(companies: list[str | None], ids: list[str] | None = None) -> Leads:
    frame = pd.DataFrame({"company": pd.Series(companies, dtype=object)})
    frame["id"] = ids or [f"L{n}" for n in range(len(companies))]
    return read_leads(table_of(frame, "leads.csv"), MAPPING, required={"id"})


def activities_of(rows: list[tuple[str, str]]) -> Activities:
    frame = pd.DataFrame(rows, columns=["lead", "kind"])
    frame["at"] = [f"2024-01-01T00:00:{n:02}Z" for n in range(len(rows))]
    mapping = ActivityMapping(lead="lead", at="at", kind="kind")
    return read_activities(
        table_of(frame, "activities.csv"), mapping, timezone="UTC", date_format=None, missing=()
    )


def test_one_company_in_several_spellings() -> None:
    found = accounts_of(leads_of(["Acme", None, "ACME ", "Beta", "n/a"]))
    assert found is not None
    assert found.of.tolist() == [found.of[0], -1, found.of[0], found.of[3], -1]
    assert [found.names[place] for place in found.of[[0, 3]]] == ["acme", "beta"]
    assert found.crowds == {}


def test_companies_are_numbered_as_they_come_in_every_process() -> None:
    # texts hash differently in each process, so the order of a set would differ, too
    companies: list[str | None] = [f"C{n * 7 % 50}" for n in range(50)]
    found = accounts_of(leads_of([*companies, *companies]))
    assert found is not None
    assert found.names == [str(name).casefold() for name in companies]
    assert found.of.tolist() == [*range(50), *range(50)]


def test_none_without_a_column() -> None:
    leads = read_leads(table_of(pd.DataFrame({"id": ["a"]}), "leads.csv"), MAPPING, required={"id"})
    assert accounts_of(leads) is None
    unmapped = read_leads(
        table_of(pd.DataFrame({"id": ["a"], "company": ["x"]}), "leads.csv"),
        LeadMapping(id="id"),
        required={"id"},
    )
    assert accounts_of(unmapped) is None


def test_crowds_are_no_companies() -> None:
    large = leads_of([*["gmail.com"] * (MOST_LEADS + 1), *["Acme"] * MOST_LEADS])
    found = accounts_of(large)
    assert found is not None
    assert found.crowds == {"gmail.com": MOST_LEADS + 1}
    assert found.names == ["acme"]
    assert set(found.of[: MOST_LEADS + 1].tolist()) == {-1}
    (finding,) = account_findings(large)
    assert (finding.code, finding.severity, finding.column) == ("DATA034", "info", "company")
    assert finding.count == MOST_LEADS + 1
    assert finding.examples == (f"gmail.com ({MOST_LEADS + 1} leads)",)
    assert list(account_findings(leads_of(["Acme"] * MOST_LEADS))) == []


def test_rows_of_one_lead_are_one_of_a_crowd() -> None:
    found = accounts_of(leads_of(["Acme"] * 300, [f"L{n % MOST_LEADS}" for n in range(300)]))
    assert found is not None
    assert found.crowds == {}


def test_what_the_people_of_each_account_did() -> None:
    leads = leads_of(["Acme", "Beta", "acme", None, "Acme"])
    activities = activities_of(
        [("L2", "visit"), ("L0", "mail"), ("L3", "visit"), ("L1", "visit"), ("L9", "visit")]
    )
    accounts = accounts_of(leads)
    assert accounts is not None
    found = account_log(leads, activities, accounts)
    told = [
        (found.names[account], person, found.log.kinds[kind])
        for account, person, kind in zip(found.of, found.log.lead, found.log.kind, strict=True)
    ]
    people = activities.ids
    assert sorted(told) == [
        ("acme", people["L2"], "visit"),
        ("acme", people["L0"], "mail"),
        ("beta", people["L1"], "visit"),
    ]
    assert found.contact.tolist() == [people["L0"], people["L1"], people["L2"], people["L3"], -1]
    beta = found.take(np.array([1, 3]))
    assert beta.account.tolist() == [accounts.of[1], -1]
    assert beta.contact.tolist() == [people["L1"], people["L3"]]
    assert beta.log.lead.tolist() == [people["L1"]]


def test_a_lead_in_two_accounts_did_what_it_did_for_the_first() -> None:
    leads = leads_of(["Acme", "Beta"], ["L0", "L0"])
    accounts = accounts_of(leads)
    assert accounts is not None
    found = account_log(leads, activities_of([("L0", "visit")]), accounts)
    assert [found.names[place] for place in found.of] == ["acme"]
