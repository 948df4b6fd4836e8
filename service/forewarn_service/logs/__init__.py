"""Lines of logs to patterns, counters and metrics, each line exactly once."""
