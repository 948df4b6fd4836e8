"""The rules of a configuration: those of alerts.yml, once for each signal, routed to its team."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import yaml

from forewarn_rules.shipped import read_rules

# What alerts.yml holds in the place of one signal and of its own times.
_ANY_SIGNAL = 'signal=~".+"'
_PER_SIGNAL_GROUP = "forewarn-signals"
_SHIPPED_LATE_SECONDS = {"ForewarnTicksLate": 900, "ForewarnTrainingLate": 172_800}

# A tick is late after three steps, but five minutes are given to a restart and to catching up.
_LATE_STEPS = 3
_LEAST_LATE_SECONDS = 300
_LATE_TRAININGS = 2

_HEADER = "# Written by `forewarn rules`: change the configuration and write it again.\n"


@dataclass(frozen=True, slots=True)
class SignalRules:
    """What the rules of one signal depend on.

    Args:
        name: of the signal.
        step: between its ticks.
        train_every: how often it is trained.
        team: becomes the label `team` of its alerts; None = no such label.
        has_forecast: whether it is forecast.
        has_limit: whether a forecast of it has a limit.
    """

    name: str
    step: timedelta
    train_every: timedelta
    team: str | None = None
    has_forecast: bool = False
    has_limit: bool = False


def rules_for(signals: Sequence[SignalRules]) -> str:
    """Return the text of a rule file for signals; the same signals give the same text."""
    shipped = [*_groups("recording"), *_groups("alerts")]
    groups: list[dict[str, Any]] = []
    for group in shipped:
        if group["name"] == _PER_SIGNAL_GROUP:
            groups += [_group_of(signal, group["rules"]) for signal in signals]
        else:
            groups.append(group)
    text: str = yaml.safe_dump({"groups": groups}, sort_keys=False, width=10_000)
    return _HEADER + text


def _groups(name: str) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(read_rules(name))["groups"]
    for group in groups:
        for rule in group["rules"]:
            # YAML would write the line breaks of an expression as \n.
            rule["expr"] = " ".join(rule["expr"].split())
    return groups


def _group_of(signal: SignalRules, rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    idle = {
        alert
        for alert, is_needed in (
            ("ForewarnForecastUnskilled", signal.has_forecast),
            ("ForewarnLimitSoon", signal.has_limit),
            ("ForewarnLimitBreach", signal.has_limit),
        )
        if not is_needed
    }
    chosen = (rule for rule in rules if rule["alert"] not in idle)
    return {"name": f"forewarn-{signal.name}", "rules": [_rule_of(signal, rule) for rule in chosen]}


def _rule_of(signal: SignalRules, rule: Mapping[str, Any]) -> dict[str, Any]:
    expression = rule["expr"].replace(_ANY_SIGNAL, f'signal="{signal.name}"')
    if shipped := _SHIPPED_LATE_SECONDS.get(rule["alert"]):
        late = _late_seconds(signal)[rule["alert"]]
        expression = expression.replace(f"> {shipped}", f"> {late:.0f}")
    # Prometheus reads the values of labels as templates.
    team = {"team": signal.team.replace("{{", '{{ "{{" }}')} if signal.team else {}
    labels = {**rule.get("labels", {}), **team}
    changed = {**rule, "expr": expression, **({"labels": labels} if labels else {})}
    return {
        key: changed[key]
        for key in ("alert", "expr", "for", "labels", "annotations")
        if key in changed
    }


def _late_seconds(signal: SignalRules) -> Mapping[str, float]:
    return {
        "ForewarnTicksLate": max(_LATE_STEPS * signal.step.total_seconds(), _LEAST_LATE_SECONDS),
        "ForewarnTrainingLate": _LATE_TRAININGS * signal.train_every.total_seconds(),
    }
