"""Names that speak of what is known only afterwards, in CRMs' spellings."""

import pytest

from leadml.snapshot.leakage_names import (
    names_outcome,
    says_all_time,
    says_id,
    tells,
    words_of,
)

OUTCOME = """
loss_reason LossReason__c Lost-Reason closed_lost_reason closedlost_reason reason_lost Win_Reason
CloseDate closedate close_date Closed_At date_closed WonDate actualclosedate actualvalue
hs_closed_amount hs_is_closed_won hs_is_closed IsWon IsClosed IsConverted Converted won is_lost
ConvertedDate ConvertedOpportunityId conversion_timestamp converted_at days_to_close DaysToClose
daysToConversion hs_time_in_closedlost hs_v2_time_in_closedwon stage_duration days_in_current_stage
won_amount WonAmount amount_won sales_cycle_days deal_outcome disqualification_reason
unqualified_reason rejected_reason lost_to_competitor churn_reason
"""
STATE = """
hs_lead_status Lead_Status Status Stage StageName dealstage lifecyclestage current_stage is_sql
became_customer statuscode statecode deal_status OpportunityStage hs_deal_stage_probability
ForecastCategory deal_amount sales_qualified win_probability
"""
HINT = "duration call_duration Amount Last_Activity_Date expected_close_amount result"
NOTHING = """
previous_outcome prior_close_date poutcome PageValues country state close_to_office closeness
lead_source company_size time_in_business disclosed wondering job_title first_conversion_date
recent_conversion_date AnnualRevenue employee_count last_name Deal_type Strat_deal client education
nr.employed campaign pdays budget marital
"""


@pytest.mark.parametrize(
    ("said", "column"),
    [
        (said, column)
        for said, columns in (
            ("outcome", OUTCOME),
            ("state", STATE),
            ("hint", HINT),
            ("", NOTHING),
        )
        for column in columns.split()
    ],
)
def test_what_a_name_says(said: str, column: str) -> None:
    assert tells(column) == said


def test_a_hoped_for_date_is_no_outcome() -> None:
    assert tells("expected_close_date") == ""
    assert tells("estimatedclosedate") == ""
    assert tells("actual_close_date") == "outcome"


def test_words() -> None:
    assert words_of("hs_v2_date_exited_2") == "date exited 2"
    assert words_of("ClosedWonReason__c") == "closed won reason"
    assert words_of("HTTPStatus") == "http status"
    assert words_of("") == ""


def test_totals_over_all_time() -> None:
    assert says_all_time("total_touches_all")
    assert says_all_time("Lifetime Visits")
    assert not says_all_time("touch_count")
    assert not says_all_time("allergies")


def test_ids() -> None:
    assert says_id("contact_id")
    assert says_id("AccountId")
    assert says_id("row_uuid")
    assert not says_id("id_type")
    assert not says_id("paid")


@pytest.mark.parametrize(
    ("level", "outcome"),
    [
        ("closed_won", 1),
        ("Converted", 1),
        ("Closed - Lost", 0),
        ("Disqualified", 0),
        ("not won yet", -1),
        ("Working", -1),
        ("wonderful", -1),
    ],
)
def test_values_that_read_as_outcomes(level: str, outcome: int) -> None:
    assert names_outcome(level) == outcome
