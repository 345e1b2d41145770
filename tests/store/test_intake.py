"""Scores enter the table in groups: each once, none of a forgotten lead, messages with them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from leadml.domain.event import Event, iso
from leadml.errors import StoreError
from leadml.store.erasure import forget
from leadml.store.intake import Forgotten, Score
from leadml.store.ledger import Ledger

NOW = datetime(2025, 3, 5, 12, 0, 0, 250_000, tzinfo=UTC)


def score(number: int, **changes: Any) -> Score:
    return Score(
        keys=(f"key {number}",),
        lead=f"L{number}",
        account="Acme",
        owner=None,
        happened_at="2025-03-05T10:04:00.000000Z",
        model_version="3",
        agreement_hash="a" * 64,
        detail='{"band":"B","probability":0.25,"sales_ready":true,'
        '"reasons":[{"text":"5 \\u00b5 \\\\ \\""}]}',
    )._replace(**changes)


def opened(url: str, **named: Any) -> Ledger:
    return Ledger.open(url, clock=lambda: NOW, **named)


def test_a_score_is_the_event_that_recording_it_would_be(ledger_url: str) -> None:
    with opened(ledger_url) as ledger:
        taken = score(1)
        assert ledger.take([taken], Forgotten())[0] == 1
        (stored,) = ledger.history("L1")
        assert (stored.id, stored.recorded_at, ledger.mark()) == (1, NOW, 1)
        event = stored.event
        assert event == Event(
            event="scored", lead="L1", account="Acme", model_version="3", agreement_hash="a" * 64,
            happened_at=datetime(2025, 3, 5, 10, 4, tzinfo=UTC), idempotency_key="key 1",
            detail={"band": "B", "probability": 0.25, "sales_ready": True,
                    "reasons": [{"text": '5 µ \\ "'}]},
        )  # fmt: skip
        (receipt,) = ledger.record([event])
        assert (receipt.status, receipt.id) == ("duplicate", 1)


@pytest.mark.parametrize("size", [1, 49, 50, 51, 600])
def test_a_group_of_any_size(ledger_url: str, size: int) -> None:
    with opened(ledger_url) as ledger:
        group = [score(number) for number in range(size)]
        assert ledger.take(group[: size // 2], Forgotten())[0] == size // 2
        assert ledger.take(group, Forgotten())[0] == size - size // 2
        ids = {s.event.lead: s.id for of_lead in ledger.leads() for s in of_lead}
        assert ids == {f"L{number}": number + 1 for number in range(size)}
        (receipt,) = ledger.record(
            [Event(event="won", lead="L0", happened_at=NOW, idempotency_key="later")]
        )
        assert receipt.id == size + 1


def test_the_same_score_is_kept_once(ledger_url: str) -> None:
    with opened(ledger_url) as ledger:
        assert (
            ledger.take([score(1), score(1), score(2, keys=("key 2", "key 1"))], Forgotten())[0]
            == 1
        )
        assert ledger.take([score(3, keys=("key 3", "key 1")), score(4)], Forgotten())[0] == 1
        assert [s.lead for s in ledger.states()] == ["L1", "L4"]


def test_a_forgotten_leads_score_is_left_out_and_the_lead_known_from_then_on(
    ledger_url: str,
) -> None:
    with opened(ledger_url) as ledger:
        nobody = ledger.forgotten(Forgotten())
        assert nobody == Forgotten()
        assert "L1" not in nobody
        forget(ledger, "L1")
        recorded, known = ledger.take([score(1), score(2)], nobody)
        assert recorded == 1
        assert ("L1" in known, "L2" in known) == (True, False)
        assert ledger.forgotten(known) is known
        assert [state.lead for state in ledger.states()] == ["L2"]


def test_a_clock_that_was_set_back_costs_no_score(ledger_url: str) -> None:
    """Recorded, an event of the future is refused; a score was given, whatever the clock says."""
    with opened(ledger_url) as ledger:
        later = score(1, happened_at="2025-03-06T10:04:00.000000Z")
        assert ledger.take([later], Forgotten())[0] == 1
        (stored,) = ledger.history("L1")
        assert iso(stored.event.happened_at) == "2025-03-06T10:04:00+00:00"


def test_messages_go_out_with_the_scores_that_they_tell_of(ledger_url: str) -> None:
    with opened(ledger_url, webhooks={"crm": ("sales_ready_crossed", "band_changed")}) as ledger:
        ledger.take([score(1), score(2)], Forgotten())
        better = score(3, lead="L1", detail='{"band":"A","sales_ready":true}',
                       happened_at="2025-03-05T10:05:00.000000Z")  # fmt: skip
        ledger.take([better], Forgotten())
        with ledger.database.reading() as connection:
            rows = connection.exec_driver_sql(
                "select kind, lead, event_id from ledger_outbox order by event_id"
            ).all()
    assert [tuple(row) for row in rows] == [
        ("sales_ready_crossed", "L1", 1),
        ("sales_ready_crossed", "L2", 2),
        ("band_changed", "L1", 3),
    ]


def test_a_ledger_that_is_away_is_said(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with opened(url, patience=0.01) as ledger:
        other = opened(url)
        with other.writing(), pytest.raises(StoreError, match=r"is locked by another program"):
            ledger.take([score(1)], Forgotten())
        assert ledger.take([score(1)], Forgotten())[0] == 1
        other.close()


def test_a_value_that_the_database_cannot_hold_is_no_trouble_with_it(ledger_url: str) -> None:
    with (
        opened(ledger_url) as ledger,
        pytest.raises(ValueError, match=r"failed .*(NOT NULL|not-null)"),
    ):
        ledger.take([score(1, lead=None)], Forgotten())
