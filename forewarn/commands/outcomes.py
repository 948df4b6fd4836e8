"""How commands that try several signals or files tell what came of each."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import typer


class Outcome(Protocol):
    """What came of one signal or file."""

    @property
    def name(self) -> str: ...

    @property
    def errors(self) -> tuple[str, ...]: ...

    @property
    def warnings(self) -> tuple[str, ...]: ...


def show_complaints(outcomes: Iterable[Outcome]) -> None:
    """Write the warnings and errors of all to standard error."""
    for outcome in outcomes:
        for warning in outcome.warnings:
            typer.echo(f"forewarn: {outcome.name}: warning: {warning}", err=True)
        for error in outcome.errors:
            typer.echo(f"forewarn: {outcome.name}: {error}", err=True)


def show_json(outcomes: Iterable[tuple[Outcome, Mapping[str, object]]]) -> None:
    """Write all as JSON, each with its further facts."""
    import orjson

    answers = [
        {
            "name": outcome.name,
            "failed": bool(outcome.errors),
            "errors": list(outcome.errors),
            "warnings": list(outcome.warnings),
            **facts,
        }
        for outcome, facts in outcomes
    ]
    typer.echo(orjson.dumps(answers, option=orjson.OPT_INDENT_2).decode())
