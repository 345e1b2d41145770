"""Every check on leads and activities, and what each code means.

Codes are stable. Errors stop a run with exit code 1; warnings and infos do not.
"""

import numpy as np

from leadml.data.accounts import account_findings
from leadml.data.activities import Activities
from leadml.data.activity_checks import activity_findings
from leadml.data.column_checks import column_findings
from leadml.data.history import History
from leadml.data.history_checks import history_findings
from leadml.data.leads import Leads
from leadml.data.row_checks import (
    duplicate_findings,
    name_findings,
    order_findings,
    outcome_findings,
    outlying_findings,
    present_findings,
    usable_findings,
)
from leadml.domain.finding import Finding

CODES = {
    "CONF001": "no leadml.toml, so nothing that needs a mapping was checked",
    "DATA001": "rows with another number of fields than the header; set aside",
    "DATA002": "columns without a name",
    "DATA003": "text that is not UTF-8, read in the likeliest encoding",
    "DATA004": "blank lines between rows, passed over",
    "DATA005": "an empty column",
    "DATA006": "a column with one value only",
    "DATA007": "an id posing as a feature",
    "DATA008": "a column of lists, structures or raw bytes; left out",
    "DATA010": "leads without an id; set aside",
    "DATA011": "one id for several leads that differ",
    "DATA012": "rows that repeat an earlier row exactly",
    "DATA013": "two number conventions in one column of numbers",
    "DATA016": "infinite numbers; read as missing",
    "DATA017": "texts in a column of numbers; missing in training",
    "DATA018": "a mapped number that is none; read as missing",
    "DATA019": "margins that are no fraction of the amount",
    "DATA020": "leads without an outcome; they count as open",
    "DATA021": "outcomes neither won nor lost; they count as open",
    "DATA022": "an outcome spelt almost like a won or lost one; it counts as open",
    "DATA023": "a won or lost value that never occurs",
    "DATA024": "too few won or lost leads to train on",
    "DATA025": "a name under ignore or keep that is no column",
    "DATA026": "no lead that can be used",
    "DATA031": "activities without a lead or a time; set aside",
    "DATA032": "no column of activity details",
    "DATA033": "activities whose lead is not among the leads; not used",
    "DATA034": "accounts of too many leads to be a company",
    "DATA041": "changes of attributes without a lead, a field or a time; set aside",
    "DATA042": "no column of old or of new values in the history",
    "DATA043": "changes whose lead is not among the leads; not used",
    "DATA044": "changes of fields that are no column of the export; not used",
    "DATA045": "a column whose changes hold no values; not rolled back",
    "DATA046": "a history without a moment to roll back to",
    "DATA050": "explored leads without a hand-off probability; they do not count",
    "DATA051": "served probabilities that are none; read as missing",
    "TIME001": "times that cannot be read; their rows are set aside",
    "TIME002": "times without an offset, read in the configured zone",
    "TIME003": "times with and without an offset in one column",
    "TIME004": "times in an order that cannot have happened",
    "TIME005": "times after the moment that counts as now",
    "TIME006": "open leads with a closing time; not used",
    "TIME007": "activities before their lead was created",
    "TIME008": "times before 1990",
    "TIME009": "times long after nearly all others",
}
"""Code -> what was found, for every finding of `check_leads`."""

_ORDER = {"error": 0, "warning": 1, "info": 2}


def check_leads(
    leads: Leads,
    activities: Activities | None,
    *,
    history: History | None = None,
    now: np.datetime64 | None = None,
) -> list[Finding]:
    """Return everything found about leads and what belongs to them, reading them included.

    Parameters
    ----------
    leads : Leads
        The leads.
    activities : Activities or None
        Their activities, where there are any.
    history : History, optional
        The changes of their attributes, where there are any.
    now : datetime64, optional
        UTC; times after it are reported. None: times are not held against a now.

    Returns
    -------
    findings : list of Finding
        Errors first, then warnings, then infos.
    """
    findings = [*usable_findings(leads), *leads.findings, *duplicate_findings(leads)]
    kinds = () if activities is None else activities.kinds
    findings += [*outcome_findings(leads), *name_findings(leads, kinds), *order_findings(leads)]
    findings += outlying_findings(leads)
    if now is not None:
        findings += present_findings(leads, now)
    findings += column_findings(leads)
    if activities is not None:
        findings += [*activities.findings, *activity_findings(leads, activities)]
        findings += account_findings(leads)
    if history is not None:
        findings += [*history.findings, *history_findings(leads, history)]
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])
