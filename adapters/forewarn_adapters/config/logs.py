"""The part of `forewarn.yaml` that says what becomes of lines of logs."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from forewarn_adapters.config.endpoints import Section
from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.config.values import AlertBudget, LocalPath, NotEmpty, WholeNumber
from forewarn_models.budget import Budget

_ONE_A_WEEK = Budget(1, timedelta(days=7))


class Security(Section):
    """Sigma rules that every line is held against."""

    shipped: Annotated[
        bool,
        Field(
            description="Use the rules that come with Forewarn: failed and guessed passwords, new "
            "administrators, privileges, tampering with logs, port scans, attacks on web servers.",
            examples=["false"],
        ),
    ] = True
    rules: Annotated[
        tuple[LocalPath, ...],
        Field(
            max_length=1_000,
            description="More rules: files and folders of Sigma rules in YAML.",
            examples=["[sigma/rules/linux]"],
        ),
    ] = ()


class Logs(Section):
    """Logs: lines become patterns, patterns become series."""

    sources: Annotated[
        tuple[LogSourceConfig, ...],
        NotEmpty,
        Field(max_length=1_000, description="Where lines come from."),
    ]
    most_patterns: Annotated[
        WholeNumber,
        Field(
            ge=100,
            le=1_000_000,
            description="How many patterns are kept of all logs together; the least useful are "
            "folded into `other`.",
            examples=[20_000],
        ),
    ] = 5_000
    patterns_per_service: Annotated[
        WholeNumber,
        Field(
            ge=1,
            le=10_000,
            description="How many patterns of one service have series of their own; the others "
            "are counted as `other`. A place is free again a week after its last line.",
            examples=[50],
        ),
    ] = 100
    new_patterns: Annotated[
        AlertBudget,
        Field(
            description="How many false alarms are acceptable for patterns that were never seen "
            "before, for each service.",
            examples=["1/30d"],
        ),
    ] = _ONE_A_WEEK
    security: Annotated[Security, Field(description="Rules for security events.")] = Security()
