"""Scores on their way to the ledger."""
