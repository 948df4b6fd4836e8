"""Prometheus rules on Forewarn's own metrics, as files and for a configuration."""

from forewarn_rules.for_signals import SignalRules, rules_for
from forewarn_rules.shipped import RULE_FILES, read_rules

__all__ = ["RULE_FILES", "SignalRules", "read_rules", "rules_for"]
