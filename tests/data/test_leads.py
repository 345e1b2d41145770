from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leadml.data.identity import content_id
from leadml.data.leads import Leads, read_leads
from leadml.data.tables import read_table, table_of
from leadml.data.values import missing_texts
from leadml.domain.finding import Finding
from leadml.domain.mapping import LeadMapping
from leadml.errors import DataError

CRM = """id,stage,created,handed,touched,closed,company,rep,origin,amount,profit,score
L1,Won,2024-01-01,2024-01-02,2024-01-03,2024-01-10,Acme,Ann,Web,"1,000",250,80
L2,Lost,2024-01-05T10:00:00Z,,,2024-01-09T00:00:00+02:00,Bolt,Bob,n/a,0,10,
L3,Open,2024-01-07,2024-01-08,,2025-12-31,,,Fair,n/a,5,15
,Won,2024-02-30,,,,Cone,Ann,Web,abc,1,x
"""
MAPPING = LeadMapping(
    id="id",
    outcome="stage",
    won=("Won",),
    lost=("Lost",),
    created_at="created",
    handed_off_at="handed",
    followed_up_at="touched",
    closed_at="closed",
    account="company",
    owner="rep",
    source="origin",
    amount="amount",
    margin_amount="profit",
    points="score",
)


def leads_of(
    content: str, mapping: LeadMapping, tmp_path: Path, required: tuple[str, ...] = ("id",)
) -> Leads:
    path = tmp_path / "crm.csv"
    path.write_text(content)
    return read_leads(read_table(path), mapping, required=required)


@pytest.fixture
def leads(tmp_path: Path) -> Leads:
    return leads_of(CRM, MAPPING, tmp_path, ("id", "outcome", "created_at"))


def found(leads: Leads, code: str) -> list[Finding]:
    return [finding for finding in leads.findings if finding.code == code]


def test_ids_and_outcomes(leads: Leads) -> None:
    assert len(leads) == 4
    assert leads.lead_id.tolist() == ["L1", "L2", "L3", ""]
    assert leads.outcome is not None
    assert leads.outcome.tolist() == [1, 0, -1, 1]


def test_times_are_utc(leads: Leads) -> None:
    assert leads.times["created_at"].astype(str).tolist() == [
        "2024-01-01T00:00:00.000000",
        "2024-01-05T10:00:00.000000",
        "2024-01-07T00:00:00.000000",
        "NaT",
    ]
    assert str(leads.times["closed_at"][1]) == "2024-01-08T22:00:00.000000"
    assert np.isnat(leads.times["followed_up_at"]).tolist() == [False, True, True, True]


def test_money_margin_and_points(leads: Leads) -> None:
    assert leads.amount is not None
    np.testing.assert_array_equal(leads.amount, [1000, 0, np.nan, np.nan])
    # profit / amount: 250 / 1,000; unknown where the amount is nothing or not known.
    np.testing.assert_array_equal(leads.margin, [0.25, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(leads.points, [80, np.nan, 15, np.nan])


def test_rows_that_cannot_be_used_say_why(leads: Leads) -> None:
    assert leads.errors == {
        3: "created: expected an ISO 8601 time, found '2024-02-30'; id: no lead id"
    }
    (no_id,) = found(leads, "DATA010")
    assert (no_id.severity, no_id.count, no_id.examples) == ("error", 1, ("line 5",))  # 1 of 4
    assert found(leads, "TIME001")[0].examples == (
        "line 5: expected an ISO 8601 time, found '2024-02-30'",
    )


def test_numbers_that_are_none_are_missing_and_said(leads: Leads) -> None:
    by_column = {finding.column: finding for finding in found(leads, "DATA018")}
    assert set(by_column) == {"amount", "score"}
    assert by_column["amount"].examples == ("line 5: expected a number, found 'abc'",)


def test_naive_times_are_said_once_and_mixed_ones_warned_of(leads: Leads) -> None:
    (naive,) = found(leads, "TIME002")
    assert naive.count == 3  # two hand-offs, one follow-up
    mixed = {finding.column for finding in found(leads, "TIME003")}
    assert mixed == {"created", "closed"}


def test_texts(leads: Leads) -> None:
    account = leads.texts("account")
    assert account is not None
    assert account.tolist() == ["Acme", "Bolt", None, "Cone"]
    source = leads.texts("source")
    assert source is not None
    assert source.tolist() == ["Web", None, "Fair", "Web"]  # n/a means missing


def test_the_latest_time_leaves_out_hopes(leads: Leads) -> None:
    # L3 is open: its closing time in 2025 is expected, not past.
    assert str(leads.latest_time()) == "2024-01-10T00:00:00.000000"


def test_the_latest_time_of_any_kind_counts(tmp_path: Path) -> None:
    closed = CRM.replace("2024-01-09T00:00:00+02:00", "2024-02-09T00:00Z")  # a lost lead's
    read = leads_of(closed, MAPPING, tmp_path)
    assert str(read.latest_time()) == "2024-02-09T00:00:00.000000"
    created = CRM.replace("L3,Open,2024-01-07", "L3,Open,2024-03-07")  # an open lead's
    assert str(leads_of(created, MAPPING, tmp_path).latest_time()) == "2024-03-07T00:00:00.000000"


@pytest.mark.parametrize(("required", "errors"), [({"id"}, [1]), ({"id", "closed_at"}, [0, 1])])
def test_only_times_that_are_needed_set_a_row_aside(
    tmp_path: Path, required: set[str], errors: list[int]
) -> None:
    rows = [f"l{n},2026-01-01,2026-02-0{n + 1}" for n in range(2, 8)]
    text = "id,made,closed\nl0,2026-01-01,soon\nl1,never,2026-02-01\n" + "\n".join(rows)
    (tmp_path / "leads.csv").write_text(text)
    mapping = LeadMapping(id="id", created_at="made", closed_at="closed")
    leads = read_leads(read_table(tmp_path / "leads.csv"), mapping, required=required)
    assert sorted(leads.errors) == errors
    assert [f.column for f in leads.findings if f.code == "TIME001"] == ["made", "closed"]


def test_an_outcome_that_is_not_required_may_be_anything(tmp_path: Path) -> None:
    leads = leads_of(CRM.replace("Won", "New"), MAPPING, tmp_path, ("id",))
    assert leads.outcome is not None
    assert leads.outcome.tolist() == [-1, 0, -1, -1]
    assert not [finding for finding in leads.findings if finding.code.startswith("DATA02")]


def test_take_keeps_everything_in_step(leads: Leads) -> None:
    taken = leads.take(np.array([3, 0])).take(np.array([1, 0, 1]))
    assert taken.lead_id.tolist() == ["L1", "", "L1"]
    assert taken.outcome is not None
    assert taken.outcome.tolist() == [1, 1, 1]
    np.testing.assert_array_equal(taken.points, [80, np.nan, 80])
    np.testing.assert_array_equal(taken.margin, [0.25, np.nan, 0.25])
    assert taken.frame["id"].tolist()[::2] == ["L1", "L1"]
    assert taken.frame.index.tolist() == [0, 1, 2]
    assert list(taken.errors) == [1]
    assert taken.places.name(1) == "line 5"
    assert str(taken.times["created_at"][0]) == "2024-01-01T00:00:00.000000"
    account = taken.texts("account")
    assert account is not None
    assert account.tolist() == ["Acme", "Cone", "Acme"]
    assert taken.columns == leads.columns
    assert taken.findings == ()


def test_raw_columns_are_factorised_once(leads: Leads) -> None:
    raw = leads.raw("rep")
    assert raw is leads.raw("rep")
    assert raw.codes.tolist() == [0, 1, -1, 0]


def test_nothing_mapped(tmp_path: Path) -> None:
    leads = leads_of(CRM, LeadMapping(), tmp_path)
    assert leads.outcome is leads.amount is leads.margin is leads.points is None
    assert leads.times == {}
    assert leads.texts("owner") is None
    assert leads.latest_time() is None
    assert leads.findings == ()


def test_a_margin_without_an_amount_is_unknown(tmp_path: Path) -> None:
    leads = leads_of("id,profit\nA,5\n", LeadMapping(id="id", margin_amount="profit"), tmp_path)
    np.testing.assert_array_equal(leads.margin, [np.nan])


def test_margins_in_per_cent_are_said(tmp_path: Path) -> None:
    leads = leads_of("id,m\nA,45\nB,45 %\nC,-2\nD,1\n", LeadMapping(id="id", margin="m"), tmp_path)
    np.testing.assert_array_equal(leads.margin, [45, 0.45, -2, 1])
    (finding,) = found(leads, "DATA019")
    assert finding.examples == ("line 2: 45", "line 4: -2")


def test_margins_divided_from_money_are_said_too(tmp_path: Path) -> None:
    mapping = LeadMapping(id="id", margin_amount="profit", amount="amount")
    content = "id,profit,amount\nA,45,10\nB,10,10\nC,-25,10\nD,5,\nE,5,0\n"
    leads = leads_of(content, mapping, tmp_path)
    np.testing.assert_array_equal(leads.margin, [4.5, 1, -2.5, np.nan, np.nan])
    (finding,) = found(leads, "DATA019")
    assert (finding.column, finding.count) == ("profit", 2)
    assert finding.examples == ("line 2: 4.5", "line 4: -2.5")
    assert "once margin_amount is divided by amount" in finding.message


def test_mapped_numbers_with_a_decimal_comma(tmp_path: Path) -> None:
    mapping = LeadMapping(id="id", amount="a", points="p", decimal=",")
    leads = leads_of("id;a;p\nA;2.835;1.000\nB;2.338,53;7,5\n", mapping, tmp_path)
    np.testing.assert_array_equal(leads.amount, [2835, 2338.53])
    np.testing.assert_array_equal(leads.points, [1000, 7.5])


def test_absent_columns_count_as_not_mapped_unless_required(tmp_path: Path) -> None:
    leads = leads_of("id,company\nA,Acme\n", MAPPING, tmp_path)
    assert leads.mapping == LeadMapping(id="id", won=("Won",), lost=("Lost",), account="company")
    assert leads.outcome is None


@pytest.mark.parametrize(
    ("required", "message"),
    [
        ("closed_at", r"no column 'closed', which \[leads\].closed_at names \(did you mean 'close"),
        ("owner", r"no column 'rep', which \[leads\].owner names; it has id, closedd$"),
    ],
)
def test_a_required_column_that_is_absent(tmp_path: Path, required: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        leads_of("id,closedd\nA,\n", MAPPING, tmp_path, (required,))


def test_an_outcome_that_is_required_must_be_mapped(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\[leads\].outcome is not set"):
        leads_of("id\nA\n", LeadMapping(id="id"), tmp_path, ("outcome",))


def test_most_times_unreadable_is_refused_only_where_required(tmp_path: Path) -> None:
    content, mapping = "id,c\nA,31/01/2024\n", LeadMapping(id="id", created_at="c")
    with pytest.raises(DataError, match=r"\(\[leads\].created_at\): 1 of 1 .*%d/%m/%Y"):
        leads_of(content, mapping, tmp_path, ("created_at",))
    assert list(leads_of(content, mapping, tmp_path, ("id",)).errors) == [0]


def test_a_zone_and_a_format(tmp_path: Path) -> None:
    mapping = LeadMapping(
        id="id", created_at="c", timezone="Europe/Berlin", date_format="%d/%m/%Y %H:%M"
    )
    leads = leads_of("id,c\nA,01/07/2024 12:00\n", mapping, tmp_path)
    assert str(leads.times["created_at"][0]) == "2024-07-01T10:00:00.000000"  # UTC+2 in summer
    assert "read in Europe/Berlin" in found(leads, "TIME002")[0].message


def test_ids_are_texts_whatever_they_were() -> None:
    frame = pd.DataFrame({"id": [1.0, 2.0, np.nan], "x": ["a", "b", "c"]})
    leads = read_leads(table_of(frame, "frame"), LeadMapping(id="id"), required=())
    assert leads.lead_id.tolist() == ["1", "2", ""]


CONTENT = """company,size,stage
Acme,50,Won
Bolt,7,Lost
Acme,50.0,Lost
,,Won
"""


def test_leads_without_ids_are_known_by_content(tmp_path: Path) -> None:
    mapping = LeadMapping(outcome="stage", won=("Won",))
    leads = leads_of(CONTENT, mapping, tmp_path)
    first, second, third, empty = leads.lead_id
    assert first.endswith("-0")
    assert third == first.removesuffix("-0") + "-1"  # the same lead again: 50.0 is 50
    assert second.endswith("-0")
    assert second != first
    assert empty == ""
    assert leads.errors == {3: "nothing is recorded that could identify the lead"}
    assert found(leads, "DATA010")[0].examples == ("line 5",)


def test_one_record_has_the_id_of_its_row(tmp_path: Path) -> None:
    mapping = LeadMapping(outcome="stage", won=("Won",))
    leads = leads_of(CONTENT, mapping, tmp_path)
    gaps = missing_texts(mapping.missing)
    for record, row in (({"size": 50, "company": "Acme"}, 0), ({"company": "Bolt", "size": 7}, 1)):
        assert content_id(record, mapping, gaps) == leads.lead_id[row]


def test_ids_do_not_depend_on_rows_around_or_on_column_order(tmp_path: Path) -> None:
    mapping = LeadMapping(outcome="stage", won=("Won",))
    whole = leads_of(CONTENT, mapping, tmp_path).lead_id[1]
    alone = leads_of("size,note,company\n7,,Bolt\n", mapping, tmp_path).lead_id[0]
    assert alone == whole


@pytest.mark.parametrize(
    ("name", "mapping", "won", "total"),
    [
        ("bank-additional-full.csv", LeadMapping(outcome="y", won=("yes",)), 4640, 41_188),
        ("online_shoppers_intention.csv", LeadMapping(outcome="Revenue", won=(1,)), 1908, 12_330),
        ("Salvirt_B2B_ML_dataset_HF.csv", LeadMapping(outcome="Status", won=("Won",)), 227, 448),
    ],
)
def test_public_sets(datasets: Path, name: str, mapping: LeadMapping, won: int, total: int) -> None:
    leads = read_leads(read_table(datasets / name), mapping, required=("id", "outcome"))
    assert leads.outcome is not None
    assert np.bincount(leads.outcome).tolist() == [total - won, won]
    assert len(set(leads.lead_id.tolist())) == total
    assert leads.errors == {}
    assert leads.findings == ()


def test_the_public_log_of_loans(datasets: Path) -> None:
    mapping = LeadMapping(id="case_id", created_at="reg_date", amount="amount_req")
    leads = read_leads(
        read_table(datasets / "bpi2012/cases.csv"), mapping, required=("id", "created_at")
    )
    # 2011-10-01T00:38:44.546+02:00
    assert str(leads.times["created_at"][0]) == "2011-09-30T22:38:44.546000"
    assert leads.findings == ()
    assert leads.amount is not None
    assert not np.isnan(leads.amount).any()


class TestProfit:
    """The margin in money."""

    def test_money_as_it_is(self, leads: Leads) -> None:
        np.testing.assert_array_equal(leads.profit, [250.0, 10.0, 5.0, 1.0])
        taken = leads.take(np.array([2, 0]))
        np.testing.assert_array_equal(taken.profit, [5.0, 250.0])

    def test_a_fraction_of_the_amount(self, tmp_path: Path) -> None:
        # more than the whole amount is a percentage by mistake: nobody knows
        mapping = LeadMapping(id="id", amount="a", margin="m")
        text = "id,a,m\nA,200,.25\nB,200,-2\nC,200,25\nD,,.5\nE,200,\n"
        leads = leads_of(text, mapping, tmp_path)
        np.testing.assert_allclose(leads.profit, [50.0, -400.0, np.nan, np.nan, np.nan])

    def test_an_amount_or_a_fraction_alone_is_none(self, tmp_path: Path) -> None:
        for mapping in (LeadMapping(id="id", amount="a"), LeadMapping(id="id", margin="m")):
            assert leads_of("id,a,m\nA,200,.25\n", mapping, tmp_path).profit is None


def test_what_became_of_a_hand_off_is_read(tmp_path: Path) -> None:
    content = (
        "id,q,a,r,why,w,seg,size,p,band\n"
        "L1,2024-01-01,2024-01-03,,,2024-03-01,SMB,10-50,0.25,B\n"
        "L2,,,2024-01-04T12:00:00Z,No budget,,Select,51+,45,\n"
    )
    mapping = LeadMapping(
        id="id",
        qualified_at="q",
        accepted_at="a",
        rejected_at="r",
        rejection_reason="why",
        outcome_recorded_at="w",
        segment="seg",
        account_size="size",
        probability="p",
        band="band",
    )
    leads = leads_of(content, mapping, tmp_path)
    nat = np.datetime64("NaT")
    assert leads.times["qualified_at"][0] == np.datetime64("2024-01-01")
    assert leads.times["accepted_at"][0] == np.datetime64("2024-01-03")
    np.testing.assert_array_equal(
        leads.times["rejected_at"], np.array([nat, "2024-01-04T12:00"], "datetime64[us]")
    )
    texts = {role: leads.texts(role) for role in ("rejection_reason", "segment", "account_size")}
    assert {role: list(found) for role, found in texts.items() if found is not None} == {
        "rejection_reason": [None, "No budget"],
        "segment": ["SMB", None],
        "account_size": ["10-50", "51+"],
    }
    assert leads.probability is not None
    np.testing.assert_array_equal(leads.probability, [0.25, np.nan])
    assert [f.examples for f in found(leads, "DATA051")] == [("line 3: 45",)]
    np.testing.assert_array_equal(leads.take(np.array([0])).probability, [0.25])
    assert leads.latest_time() == np.datetime64("2024-01-04T12:00")  # writing down is no event
