"""Leads of a CRM, read from it and scored back into it."""
