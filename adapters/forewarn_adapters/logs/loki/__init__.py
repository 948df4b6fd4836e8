"""A Loki as a source of lines."""
