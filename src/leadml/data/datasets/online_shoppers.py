"""UCI Online Shoppers: web sessions, won where they end in a purchase; without dates."""

from pathlib import Path

from leadml.data.datasets.prepared import Prepared, read_published, row_ids

_DEFINITION = """\
# UCI Online Shoppers: did the visit end in a purchase? A visit is judged at its end: the counts
# cover all of it. The file has months but no dates, so leads have no order. PageValues is computed
# from the purchases themselves: the leakage audit finds that and leaves it out.

[leads]
id = "lead_id"
outcome = "Revenue"
won = [WON]
lost = [LOST]

[sales_ready]
version = "online-shoppers"
close_rate = 0.30

# The points are leadml's illustration: what a web shop would count.
[points]
threshold = 60

[points.buckets]
A = 90
B = 60
C = 30

[[points.rules]]
name = "many products looked at"
group = "page"
points = 25
column = "ProductRelated"
at_least = 20

[[points.rules]]
name = "ten minutes with products"
group = "page"
points = 20
column = "ProductRelated_Duration"
at_least = 600

[[points.rules]]
name = "account pages used"
group = "page"
points = 15
column = "Administrative"
at_least = 2

[[points.rules]]
name = "few exits"
group = "behaviour"
points = 25
column = "ExitRates"
at_most = 0.025

[[points.rules]]
name = "bounces"
group = "behaviour"
points = -20
column = "BounceRates"
at_least = 0.05

[[points.rules]]
name = "new visitor"
group = "fit"
points = 15
column = "VisitorType"
equals = "New_Visitor"

[[points.rules]]
name = "season of gifts"
group = "value"
points = 15
column = "Month"
in = ["Nov"]
"""


def prepare_online_shoppers(path: Path) -> Prepared:
    """Turn ``online_shoppers_intention.csv`` into leads; Revenue may be 0/1 or FALSE/TRUE."""
    leads = read_published(path, delimiter=",", columns=("PageValues", "Month", "Revenue"))
    won, lost = ("1", "0") if (leads["Revenue"] == "1").any() else ("true", "false")
    leads.insert(0, "lead_id", row_ids("S", len(leads)))
    definition = _DEFINITION.replace("WON", won).replace("LOST", lost)
    return Prepared(leads=leads, definition=definition)
