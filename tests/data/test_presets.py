"""Header names of the exports people have, and words for won and lost."""

import pytest

from leadml.data.presets import (
    PRESETS,
    USUAL,
    named,
    plain,
    reads_lost,
    reads_won,
    recognise,
)
from leadml.domain.mapping import LeadMapping

# Headers as exported, from the vendors' documentation and from exports people published.
EXPORTS = {
    "HubSpot contacts": (
        "Record ID", "First Name", "Last Name", "Email", "Contact owner", "Lifecycle Stage",
        "Lead Status", "Create Date", "Became a Sales Qualified Lead Date", "Company Name",
        "Original Source", "HubSpot Score", "Number of Associated Deals", "Last Modified Date",
    ),
    "HubSpot deals": (
        "Record ID", "Deal Name", "Deal Stage", "Pipeline", "Close Date", "Create Date", "Amount",
        "Deal owner", "Associated Company", "Closed Lost Reason",
    ),
    "Salesforce opportunities": (
        "Opportunity Name", "Opportunity ID", "Stage", "Probability (%)", "Amount", "Close Date",
        "Created Date", "Lead Source", "Account Name", "Opportunity Owner", "Fiscal Period", "Age",
    ),
    "Salesforce leads": (
        "Lead ID", "First Name", "Last Name", "Title", "Company / Account", "Lead Source",
        "Lead Status", "Lead Owner", "Create Date", "Converted Date", "Converted",
    ),
    "Dynamics 365 opportunities": (
        "(Do Not Modify) Opportunity", "(Do Not Modify) Row Checksum",
        "(Do Not Modify) Modified On", "Topic", "Account", "Owner", "Status", "Created On",
        "Est. Revenue", "Actual Close Date", "Actual Revenue", "Probability",
    ),
    "Dynamics 365 leads": (
        "(Do Not Modify) Lead", "(Do Not Modify) Row Checksum", "(Do Not Modify) Modified On",
        "Name", "Company Name", "Topic", "Status Reason", "Status", "Created On", "Owner",
        "Lead Source",
    ),
}  # fmt: skip

NAMES_OF_THE_INTERFACES = {
    "HubSpot contacts": ("hs_object_id", "lifecyclestage", "createdate", "hs_lead_status"),
    "HubSpot deals": ("hs_object_id", "dealstage", "dealname", "createdate", "closedate"),
    "Salesforce opportunities": ("Id", "StageName", "CreatedDate", "CloseDate", "OwnerId"),
    "Salesforce leads": ("Id", "Status", "IsConverted", "CreatedDate", "LeadSource"),
    "Dynamics 365 opportunities": ("opportunityid", "statecode", "createdon", "actualclosedate"),
    "Dynamics 365 leads": ("leadid", "statecode", "createdon", "leadsourcecode"),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_recognised_by_its_headers(name: str) -> None:
    for headers in (EXPORTS[name], NAMES_OF_THE_INTERFACES[name]):
        preset = recognise(headers)
        assert preset is not None
        assert preset.name == name


def test_ones_own_columns_are_no_export_of_a_vendor() -> None:
    assert recognise(["lead_id", "created_at", "lead_source", "lead_status", "company"]) is None
    assert recognise(["Stage", "Amount"]) is None
    assert recognise(["Lead ID", "x", "y"]) is None  # one mark alone is not enough
    assert recognise([]) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HubSpot contacts", {
            "id": "Record ID", "outcome": "Lifecycle Stage", "created_at": "Create Date",
            "handed_off_at": "Became a Sales Qualified Lead Date", "account": "Company Name",
            "owner": "Contact owner", "source": "Original Source", "points": "HubSpot Score",
        }),
        ("HubSpot deals", {
            "id": "Record ID", "outcome": "Deal Stage", "created_at": "Create Date",
            "closed_at": "Close Date", "amount": "Amount", "owner": "Deal owner",
            "account": "Associated Company",
        }),
        ("Salesforce opportunities", {
            "id": "Opportunity ID", "outcome": "Stage", "created_at": "Created Date",
            "closed_at": "Close Date", "amount": "Amount", "account": "Account Name",
            "owner": "Opportunity Owner", "source": "Lead Source",
        }),
        ("Salesforce leads", {
            "id": "Lead ID", "outcome": "Lead Status", "created_at": "Create Date",
            "closed_at": "Converted Date", "account": "Company / Account", "owner": "Lead Owner",
            "source": "Lead Source",
        }),
        ("Dynamics 365 opportunities", {
            "id": "(Do Not Modify) Opportunity", "outcome": "Status", "created_at": "Created On",
            "closed_at": "Actual Close Date", "amount": "Est. Revenue", "account": "Account",
            "owner": "Owner",
        }),
        ("Dynamics 365 leads", {
            "id": "(Do Not Modify) Lead", "outcome": "Status", "created_at": "Created On",
            "account": "Company Name", "owner": "Owner", "source": "Lead Source",
        }),
    ],
)  # fmt: skip
def test_each_column_is_found_under_its_own_name(name: str, expected: dict[str, str]) -> None:
    preset = next(preset for preset in PRESETS if preset.name == name)
    headers = EXPORTS[name]
    found = {key: named(headers, names) for key, names in preset.columns.items()}
    assert {key: columns[0] for key, columns in found.items() if columns} == expected


def test_every_vendor_has_an_industry() -> None:
    for preset in PRESETS:
        assert named(["Industry"], preset.columns["industry"]) == ["Industry"]


def test_what_is_filled_in_later_is_known() -> None:
    by_name = {preset.name: preset for preset in PRESETS}
    later = {name: named(headers, by_name[name].later) for name, headers in EXPORTS.items()}
    assert "Number of Associated Deals" in later["HubSpot contacts"]
    assert later["HubSpot deals"] == ["Closed Lost Reason"]
    assert later["Salesforce opportunities"] == ["Probability (%)", "Fiscal Period", "Age"]
    assert "Converted" in later["Salesforce leads"]
    assert "Actual Revenue" in later["Dynamics 365 opportunities"]
    assert "(Do Not Modify) Modified On" in later["Dynamics 365 leads"]


def test_every_key_is_one_of_the_mapping() -> None:
    mapping = LeadMapping()
    for columns in (USUAL, *(preset.columns for preset in PRESETS)):
        for key, names in columns.items():
            assert hasattr(mapping, key)
            assert names


def test_headers_match_without_case_blanks_and_punctuation() -> None:
    assert plain("(Do Not Modify) Lead") == "donotmodifylead"
    assert plain("Date créée_ÉTÉ") == "datecreeeete"
    headers = ["create_date", "CREATED AT", "x"]
    assert named(headers, ["created_at", "Create Date", "none"]) == ["CREATED AT", "create_date"]


@pytest.mark.parametrize(
    "text",
    ["Closed Won", "closedwon", "WON", "5 - Closed/Won", "Won - renewal", "Closed - Converted",
     "customer", "Gewonnen", "sold"],
)  # fmt: skip
def test_words_that_read_as_won(text: str) -> None:
    assert reads_won(text)
    assert not reads_lost(text)


@pytest.mark.parametrize(
    "text",
    ["Closed Lost", "closedlost", "Lost to competitor", "Closed - Not Converted", "not won",
     "Disqualified", "Unqualified", "Cancelled", "Canceled", "Declined", "Junk Lead",
     "Not interested", "verloren"],
)  # fmt: skip
def test_words_that_read_as_lost(text: str) -> None:
    assert reads_lost(text)
    assert not reads_won(text)


@pytest.mark.parametrize("text", ["New", "Open", "Qualified", "Working - Contacted", "", "1"])
def test_words_that_read_as_neither(text: str) -> None:
    assert not reads_won(text)
    assert not reads_lost(text)


def test_a_preset_knows_its_own_words() -> None:
    dynamics = next(preset for preset in PRESETS if preset.name == "Dynamics 365 leads")
    assert reads_won("Qualified", dynamics)
    assert reads_lost("Cannot Contact", dynamics)
    assert not reads_won("Disqualified", dynamics)
