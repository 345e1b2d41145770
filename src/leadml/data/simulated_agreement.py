"""The agreement that goes with the simulated CRM, as the text of a leadml.toml."""

HORIZON_DAYS = 90.0
FOLLOW_UP_DAYS = 14.0
MIN_MARGIN = 0.15

DEFINITION = f"""\
# The agreement between marketing and sales, and how the CRM's export maps to it.

[leads]
id = "lead_id"
outcome = "stage"
won = ["Closed Won"]
lost = ["Closed Lost", "Disqualified"]
created_at = "created_at"
handed_off_at = "handed_off_at"
followed_up_at = "first_touch_at"
closed_at = "closed_at"
account = "company"
owner = "rep"
source = "lead_source"
industry = "industry"
amount = "amount"
margin = "margin"
ignore = ["lead_score"]        # the CRM's own score; the points table below takes its place

[activities]
lead = "lead_id"
at = "timestamp"
kind = "event"
detail = "url"

[sales_ready]
version = "1"
signed_by = ["Marketing", "Sales"]
close_rate = 0.30
confidence = 0.95
horizon_days = {HORIZON_DAYS:g}
follow_up_days = {FOLLOW_UP_DAYS:g}
min_follow_up = 0.8
min_margin = {MIN_MARGIN:g}
counts = "followed_up"

[points]
threshold = 80

[points.caps]
fit = 55
behaviour = 60
page = 35

[points.buckets]
A = 110
B = 80
C = 55

[[points.rules]]
name = "decision maker"
group = "fit"
points = 25
column = "job_title"
in = ["CEO", "VP Operations", "Head of IT"]

[[points.rules]]
name = "manager"
group = "fit"
points = 15
column = "job_title"
equals = "Operations Manager"

[[points.rules]]
name = "company large enough to pay"
group = "fit"
points = 20
column = "company_size"
at_least = 500

[[points.rules]]
name = "company of a fair size"
group = "fit"
points = 10
column = "company_size"
between = [50, 499]

[[points.rules]]
name = "target industry"
group = "fit"
points = 15
column = "industry"
in = ["Software", "Financial services", "Retail"]

[[points.rules]]
name = "budget named"
group = "value"
points = 10
column = "budget"
present = true

[[points.rules]]
name = "budget of 20,000 or more"
group = "value"
points = 10
column = "budget"
at_least = 20000

[[points.rules]]
name = "opened a mail"
group = "behaviour"
points = 5
activity = "email_open"
per = "each"
max_points = 25
half_life_days = 30

[[points.rules]]
name = "clicked in a mail"
group = "behaviour"
points = 5
activity = "email_click"
per = "each"
max_points = 15
half_life_days = 30

[[points.rules]]
name = "attended a webinar"
group = "behaviour"
points = 15
activity = "webinar"

[[points.rules]]
name = "asked for a demo"
group = "behaviour"
points = 30
activity = "demo_request"
within_days = 60

[[points.rules]]
name = "downloaded the white paper"
group = "behaviour"
points = 15
activity = "form_submit"
detail = "whitepaper"

[[points.rules]]
name = "sent the contact form"
group = "behaviour"
points = 10
activity = "form_submit"
detail = "contact"

[[points.rules]]
name = "looked at prices"
group = "page"
points = 5
activity = "page_view"
detail = "/pricing*"
per = "each"
max_points = 15
half_life_days = 21

[[points.rules]]
name = "any page"
group = "page"
points = 3
activity = "page_view"
within_days = 30
per = "each"
max_points = 24

[[points.rules]]
name = "looks for a job"
group = "page"
points = -15
activity = "page_view"
detail = "/careers*"
"""

_IGNORED = """\
ignore = ["lead_score"]        # the CRM's own score; the points table below takes its place
"""
_EXPLORING = """\
explored = "explored"
handoff_probability = "handoff_probability"
"""
_FEEDBACK = """\
qualified_at = "qualified_at"
accepted_at = "accepted_at"
rejected_at = "rejected_at"
rejection_reason = "rejection_reason"
segment = "segment"
account_size = "account_size"
# lead_score is the CRM's own score; the points table below takes its place. What segment and
# account_size say stands in company_size and industry already.
ignore = ["lead_score", "segment", "account_size"]
"""


def definition_of(*, explores: bool, feedback: bool) -> str:
    """Return the text, with what the CRM writes of exploration and of sales' feedback mapped."""
    mapped = (_EXPLORING if explores else "") + (_FEEDBACK if feedback else _IGNORED)
    return DEFINITION.replace(_IGNORED, mapped)
