"""The scoring loop, the exporter and the HTTP API."""
