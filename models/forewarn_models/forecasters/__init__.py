"""Forecasters: each fits a panel and predicts quantiles of the slots after it."""
