"""Scheduled jobs: read, fit, back-test, compare, promote."""
