"""The HTTP API: on-demand scores and forecasts, what the signals are doing, health, metrics."""
