"""`forewarn explain`: why a sample got its score."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from forewarn.explaining import Answer, Judgement, Question
    from forewarn_adapters.config.schema import Config


def explain(
    signal: Annotated[str, typer.Argument(help="Its name in the configuration.")],
    at: Annotated[
        str,
        typer.Option(
            help="The instant: ISO-8601, UTC where it names no zone, or seconds since the epoch."
        ),
    ],
    *,
    series: Annotated[
        str | None,
        typer.Option(
            metavar="NAME=VALUE,...",
            help="The series with these labels; series=* is a group. Default: the rarest.",
        ),
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(min=1, help="The version of the detector. Default: today's champion."),
    ] = None,
    config: Annotated[Path, typer.Option(help="The configuration.")] = Path("forewarn.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Explain why a sample got its score: what was expected, how rare it is, which view spoke.

    A stored model judges every sample since its training again, with the code of the service and
    the samples that the source has now, so that the score is the one that was given then. It can
    only judge what it has not learned from: after the next training, ask for the version that
    was in use (its number is `forewarn_champion_version`). What today's champion says then
    stands beside it.

    A sample answers for an instant from its own time on, for less than a step. Seven views look
    at each sample; the rarest of them is the answer, and the table shows which others agree. A
    sample that came late, or was changed in the source since, can make a difference; the budget
    is the configuration's of today.

    Example: forewarn explain api_latency_p99 --at 2026-03-01T03:12:30Z --series service=checkout

    Exit codes: 0 explained, 1 it cannot be explained, 2 the configuration, a name or an option is
    refused.
    """
    import os

    from forewarn.commands.train import signals_named
    from forewarn.explaining import Question, instant_of, matchers_of
    from forewarn_adapters.config.reading import read_config

    settings = read_config(config, environment=os.environ)
    (chosen,) = signals_named(settings, [signal])
    question = Question(
        chosen,
        instant_of(at),
        matchers_of(series) if series is not None else (),
        version,
    )
    answer = _answer(settings, question, folder=config.absolute().parent)
    typer.echo(_json(question, answer) if as_json else _text(question, answer))


def _answer(config: "Config", question: "Question", *, folder: Path) -> "Answer":
    from forewarn.explaining import answered
    from forewarn.progress import compile_first
    from forewarn_adapters.registry import Registry
    from forewarn_adapters.source import open_source

    compile_first()
    source = open_source(config)
    try:
        registry = Registry(config.training.tracking_url, directory=folder)
        return answered(question, source=source, registry=registry)
    finally:
        source.close()


def _text(question: "Question", answer: "Answer") -> str:
    from forewarn_reports.explanation import explanation_lines
    from forewarn_reports.wording import time_text

    asked, champion = answer.asked, answer.champion
    role = "today's champion" if champion is asked else "not today's champion"
    since = time_text(asked.learned_until_milliseconds)
    name = question.signal.name
    lines = [f"{name}: version {asked.version}, {role}, judges what came after {since}"]
    for explanation in asked.explanations:
        lines += ["", *explanation_lines(explanation, budget=question.signal.budget)]
    if champion is not None and champion is not asked:
        lines += ["", *_beside(champion)]
    return "\n".join(lines)


def _beside(champion: "Judgement") -> list[str]:
    """Return what today's champion says, a line a series."""
    from forewarn_models.labels import label_text
    from forewarn_models.views import view_words
    from forewarn_reports.explanation import verdict_text
    from forewarn_reports.wording import number_text, rarity_text, time_text

    who = f"today's champion, version {champion.version},"
    if not champion.explanations:
        end = time_text(champion.learned_until_milliseconds)
        return [f"{who} cannot judge this: it has learned from all that came before {end}"]
    said = (
        f"  {label_text(each.labels)}: {verdict_text(each)}, "
        f"{rarity_text(each.return_period_seconds)}, score {number_text(each.score)}: "
        f"{view_words(each.view)}"
        for each in champion.explanations
    )
    return [f"{who} says", *said]


def _json(question: "Question", answer: "Answer") -> str:
    import orjson

    content = {
        "signal": question.signal.name,
        "at": question.at_milliseconds / 1000,
        "budget": str(question.signal.budget),
        **_facts(answer.asked),
        "champion": _facts(answer.champion) if answer.champion else None,
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()


def _facts(judgement: "Judgement") -> dict[str, object]:
    from forewarn_reports.explanation import explanation_facts

    return {
        "version": judgement.version,
        "learned_until": judgement.learned_until_milliseconds / 1000,
        "series": [explanation_facts(each) for each in judgement.explanations],
    }
