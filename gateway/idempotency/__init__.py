"""Calls with an idempotency key, of which one runs."""
