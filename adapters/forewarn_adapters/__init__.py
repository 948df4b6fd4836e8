"""The only code that talks to the outside: configuration, Prometheus, files, MLflow, SQL."""
