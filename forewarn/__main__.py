"""The command `forewarn`: `forewarn --help` lists what it can do."""

import sys

import typer

from forewarn.commands.backtest import backtest
from forewarn.commands.check import check
from forewarn.commands.demo import demo
from forewarn.commands.explain import explain
from forewarn.commands.forecast import forecast
from forewarn.commands.logs import logs
from forewarn.commands.plan import plan
from forewarn.commands.report import report
from forewarn.commands.rules import rules
from forewarn.commands.run import run
from forewarn.commands.score import score
from forewarn.commands.security import security
from forewarn.commands.status import status
from forewarn.commands.train import train
from forewarn_models.errors import ConfigError, ForewarnError

EXIT_FAILED = 1
EXIT_REFUSED = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="forewarn",
    help="Learn what is normal for each series, say how rare a deviation is, forecast capacity.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def options(
    *, version: bool = typer.Option(False, "--version", help="Print the version and exit.")
) -> None:
    """Learn what is normal for each series, say how rare a deviation is, forecast capacity."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"forewarn {version_of('forewarn')}")
        raise typer.Exit


app.command()(demo)
app.command()(check)
app.command()(plan)
app.command()(rules)
app.command()(train)
app.command()(backtest)
app.command()(score)
app.command()(forecast)
app.command()(logs)
app.add_typer(report, name="report")
app.add_typer(security, name="security")
app.command()(run)
app.command()(status)
app.command()(explain)


def main() -> None:
    """Run the command line; exit 0 done, 1 failed, 2 refused, 130 interrupted."""
    try:
        app()
    except ConfigError as refused:
        for problem in refused.problems:
            typer.echo(f"forewarn: {problem}", err=True)
        sys.exit(EXIT_REFUSED)
    except ForewarnError as failed:
        typer.echo(f"forewarn: {failed}", err=True)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
