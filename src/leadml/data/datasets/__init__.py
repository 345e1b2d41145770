"""Public data sets of leads: where they come from, and how they become leads and activities."""
