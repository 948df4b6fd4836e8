"""Plots and terminal views: one place for notebooks, MLflow, the demo and reports."""
