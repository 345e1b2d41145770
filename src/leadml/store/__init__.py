"""Databases: reading an export from one, and later the ledger."""
