"""Logs: where lines come from, what is known of each, and what is found in them."""
