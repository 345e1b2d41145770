import numpy as np

from leadml.data.activity_log import ActivityLog

LOG = ActivityLog(
    lead=np.array([0, 2, 2, 5]),
    at=np.array([10, 20, 30, 40]),
    kind=np.array([0, 1, 0, -1], np.int32),
    detail=np.array([-1, 0, -1, 0], np.int32),
    kinds=["call", "mail"],
    details=["/pricing"],
)


def test_length() -> None:
    assert len(LOG) == 4
    assert len(ActivityLog.empty()) == 0


def test_keep() -> None:
    kept = LOG.keep(LOG.at > 20)
    assert kept.at.tolist() == [30, 40]
    assert kept.kind.tolist() == [0, -1]
    assert kept.detail.tolist() == [-1, 0]
    assert kept.lead.tolist() == [2, 5]


def test_of_leads_renumbers() -> None:
    # Lead 5 becomes 0 and lead 2 becomes 1; lead 0's activity goes.
    chosen = LOG.of_leads(np.array([5, 2]), 6)
    assert chosen.lead.tolist() == [1, 1, 0]
    assert chosen.at.tolist() == [20, 30, 40]
    assert chosen.kinds == ["call", "mail"]
