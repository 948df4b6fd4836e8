"""Prometheus rules on Forewarn's own metrics, shipped as files."""
