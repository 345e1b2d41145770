"""Salvirt B2B: opportunities judged by sales experts; no ids, no dates, some exact duplicates."""

from pathlib import Path

from leadml.data.datasets.prepared import Prepared, read_published

DEFINITION = """\
# Salvirt B2B: was the opportunity won? The set has neither ids nor dates; leadml makes an id from
# each row's content, so that rows which repeat another one exactly are found and counted.

[leads]
outcome = "Status"
won = ["Won"]
lost = ["Lost"]
owner = "Seller"
source = "Source"

[sales_ready]
version = "salvirt-b2b"
close_rate = 0.60              # these are opportunities, not fresh leads: half of them are won

# The points are leadml's illustration.
[points]
threshold = 60

[points.buckets]
A = 80
B = 60
C = 40

[[points.rules]]
name = "budget allocated"
group = "value"
points = 20
column = "Budgt_alloc"
equals = "Yes"

[[points.rules]]
name = "strategic account"
group = "fit"
points = 20
column = "Att_t_client"
equals = "Strategic account"

[[points.rules]]
name = "client already"
group = "fit"
points = 20
column = "Client"
equals = "Current"

[[points.rules]]
name = "no competitor"
group = "fit"
points = 15
column = "Competitors"
equals = "No"

[[points.rules]]
name = "strategic deal"
group = "value"
points = 15
column = "Strat_deal"
equals = "Very important"

[[points.rules]]
name = "needs defined"
group = "behaviour"
points = 10
column = "Needs_def"
equals = "Yes"

[[points.rules]]
name = "decision maker"
group = "fit"
points = 15
column = "Authority"
equals = "High"
"""


def prepare_salvirt_b2b(path: Path) -> Prepared:
    """Turn ``Salvirt_B2B_ML_dataset_HF.csv`` into leads, exact duplicates included."""
    columns = ("Seller", "Source", "Budgt_alloc", "Status")
    return Prepared(
        leads=read_published(path, delimiter=";", columns=columns), definition=DEFINITION
    )
