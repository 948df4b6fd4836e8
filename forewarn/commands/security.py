"""`forewarn security`: what Sigma rules say of logs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forewarn_adapters.config.log_sources import LogFormat
    from forewarn_adapters.security.events import SecurityEvent
    from forewarn_adapters.security.queries import Backend, RuleQueries
    from forewarn_adapters.security.rules import SecurityRules

EXIT_FAILED = 1
_FILE_COLUMNS = 400

Name = TypeVar("Name", bound=str)

security = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
)


@security.callback()
def _security() -> None:
    """Find attacks in logs, by Sigma rules.

    Forewarn brings rules for guessed passwords, new administrators, privileges, tampering with
    logs, port scans, and attacks on web servers and Kubernetes; yours stand beside them (--rules).

    Look at a log now, with nothing to configure:

    forewarn security scan /var/log/auth.log

    `forewarn run` holds all lines that it reads against them, as `logs.security` says in
    forewarn.yaml: events become series, alerts and answers of the API. See docs/security.md.
    """


Rules = Annotated[
    list[Path] | None,
    typer.Option("--rules", help="More rules: a file or a folder; may be given again."),
]
Shipped = Annotated[
    bool,
    typer.Option(
        "--shipped/--no-shipped",
        help="With or without the rules that come with Forewarn.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@security.command()
def check(
    rules: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RULES]...", help="Files and folders of Sigma rules."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check whether Sigma rules can be used.

    Each must be read, and evaluated while lines come. Every problem is listed at once, with its
    file and rule. What cannot be evaluated on lines is
    refused: regular expressions with look-around, placeholders, modifiers of time, correlations
    other than event_count, value_count, temporal and temporal_ordered. Without RULES, those that
    come with Forewarn are checked.

    A rule that names no word of three letters at least is held against every line of its log
    source, which is slow: it is told.

    For example:

    forewarn security check sigma/rules/linux

    Exit codes: 0 right, 2 a rule is refused.
    """
    from forewarn_adapters.security.rules import SecurityRules

    loaded = SecurityRules.load(shipped=not rules, paths=rules or [])
    if as_json:
        _print_facts(loaded)
        return
    for rule in loaded.slow:
        typer.echo(
            f"forewarn: rule {rule.facts.title!r} names no word: it is held against every line of "
            "its log source",
            err=True,
        )
    n_lines, n_correlations = len(loaded.lines), len(loaded.correlations)
    typer.echo(f"{n_lines} rules for lines, {n_correlations} correlations: all can be evaluated")


@security.command()
def queries(
    *,
    backend: Annotated[str, typer.Option(help="loki or elasticsearch.")],
    config: Annotated[
        Path | None,
        typer.Option(help="Take the rules, and the streams of Loki, from this configuration."),
    ] = None,
    rules: Rules = None,
    shipped: Shipped = True,
    selector: Annotated[
        str, typer.Option(help='Streams of Loki, such as {namespace="prod"}. Default: all.')
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Print rules as queries of Loki or Elasticsearch.

    In LogQL or Lucene, for who wants to look back, or to alert there. Which fields a query may ask
    for depends on how the logs were stored: Loki's queries find those of sshd, PAM, firewalls, web
    servers and Kubernetes in the lines. What a server cannot say, such as events in their order in
    Loki, and counts in Lucene, is told on standard error; Forewarn itself counts them.

    For example:

    forewarn security queries --backend loki --selector '{job="syslog"}'

    Exit codes: 0 printed, 1 no rule has a query, 2 the configuration, a rule or an option is
    refused.
    """
    from forewarn_adapters.security.queries import queries_of

    chosen = _backend(backend)
    loaded, from_config = _loaded(config, rules, shipped=shipped)
    made = queries_of(loaded, chosen, selector=selector or from_config)
    if as_json:
        _print_queries(made)
    else:
        _show_queries(made)
    if not any(each.queries for each in made):
        raise typer.Exit(EXIT_FAILED)


@security.command()
def scan(
    logs: Annotated[list[Path], typer.Argument(help="Logs, text; - is standard input.")],
    *,
    rules: Rules = None,
    shipped: Shipped = True,
    log_format: Annotated[
        str, typer.Option("--format", help="What lines look like; auto tells it from them.")
    ] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Also write the events to this file, one JSON a line.")
    ] = None,
    least_level: Annotated[
        str, typer.Option("--level", help="Show events of this level and above.")
    ] = "medium",
) -> None:
    """Show what security rules find in logs.

    The worst stand first. The same rules and counts as in `forewarn run`, by the times in the
    lines: what it would have told. One event is one thing that goes on: all tries of one address
    are one, with their number, until it has been quiet for a quarter of an hour (or the timespan of
    the rule). Levels: informational, low, medium, high, critical; --out has all.

    For example:

    forewarn security scan /var/log/auth.log

    zcat auth.log.2.gz | forewarn security scan - --level low --out events.jsonl

    Exit codes: 0 done, 1 a file cannot be read or written, 2 a rule or an option is refused.
    """
    import json

    from forewarn.progress import compile_first
    from forewarn.security_scanning import event_facts, scan_files
    from forewarn_adapters.outputs import write_text
    from forewarn_models.lines.warming import warm_lines

    chosen, least = _format(log_format), _level(least_level)
    loaded, _ = _loaded(None, rules, shipped=shipped)
    compile_first(warm_lines)
    events, n_lines = scan_files(logs, loaded, chosen)
    if out is not None:
        write_text(out, (json.dumps(event_facts(event)) + "\n" for event in events))
    shown = [event for event in events if _level(event.rule_level) >= least]
    _show_events(shown)
    typer.echo(f"{n_lines:,} lines, {len(events):,} events, {len(shown):,} shown", err=True)


def _loaded(
    config: Path | None, rules: list[Path] | None, *, shipped: bool
) -> "tuple[SecurityRules, str]":
    """Return the rules that are asked for, and the streams of Loki in the configuration."""
    import os

    from forewarn_adapters.config.reading import read_config
    from forewarn_adapters.security.rules import SecurityRules
    from forewarn_models.errors import ConfigError

    if config is None:
        return SecurityRules.load(shipped=shipped, paths=rules or []), ""
    settings = read_config(config, environment=os.environ).logs
    if settings is None:
        raise ConfigError(f"{config}: must have `logs:` to say which rules to use")
    asked = [each.loki.query for each in settings.sources if each.loki is not None]
    selector = asked[0].partition("}")[0] + "}" if asked else ""
    wanted = shipped and settings.security.shipped
    return SecurityRules.load(
        shipped=wanted, paths=[*settings.security.rules, *(rules or [])]
    ), selector


def _backend(text: str) -> "Backend":
    from forewarn_adapters.security.queries import BACKENDS

    return _one_of(text, BACKENDS, "--backend")


def _format(text: str) -> "LogFormat":
    from typing import get_args

    from forewarn_adapters.config.log_sources import LogFormat

    return _one_of(text, get_args(LogFormat), "--format")


def _level(text: str) -> int:
    from forewarn.security_scanning import LEVELS

    return LEVELS.index(_one_of(text, LEVELS, "--level"))


def _one_of(text: str, names: "tuple[Name, ...]", option: str) -> "Name":
    from forewarn_models.errors import ConfigError

    for name in names:
        if name == text:
            return name
    raise ConfigError(f"{option} must be one of {', '.join(names)}, got {text!r}")


def _print_facts(rules: "SecurityRules") -> None:
    import json
    from dataclasses import asdict

    slow = {rule.facts.rule_id for rule in rules.slow}
    for facts in rules.facts():
        typer.echo(json.dumps({**asdict(facts), "is_slow": facts.rule_id in slow}))


def _print_queries(made: "Sequence[RuleQueries]") -> None:
    import json
    from dataclasses import asdict

    for each in made:
        typer.echo(json.dumps(asdict(each)))


def _show_queries(made: "Sequence[RuleQueries]") -> None:
    for each in made:
        for query in each.queries:
            typer.echo(f"# {each.title} ({each.level})\n{query}\n")
        if each.problem:
            typer.echo(f"forewarn: no query for {each.title!r}: {each.problem}", err=True)


def _show_events(events: "Sequence[SecurityEvent]") -> None:
    from rich.console import Console
    from rich.table import Table

    from forewarn.security_scanning import instant_text

    if not events:
        return
    table = Table(box=None, pad_edge=False)
    for column in ("level", "event", "lines", "from", "account", "host", "began", "newest"):
        # A name that is cut short is of no use, and a file has room.
        table.add_column(
            column, justify="right" if column == "lines" else "left", no_wrap=column != "event"
        )
    for event in events:
        times = (event.began_nanoseconds, event.timestamp_nanoseconds)
        who = (event.source_address or "-", event.account or "-", event.host or "-")
        began, newest = (instant_text(each) or "-" for each in times)
        count = f"{event.count:,}"
        table.add_row(event.rule_level, event.rule_title, count, *who, began, newest)
    # Lines of logs are no markup.
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _FILE_COLUMNS
    console.print(table)
