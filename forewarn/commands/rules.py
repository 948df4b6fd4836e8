"""`forewarn rules`: the Prometheus rules of a configuration."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from forewarn_adapters.config.schema import Config
    from forewarn_rules import SignalRules


def rules(
    config: Annotated[Path, typer.Option(help="The configuration.")] = Path("forewarn.yaml"),
    out: Annotated[str, typer.Option(help="The file to write; - is standard output.")] = "-",
) -> None:
    """Write the recording and alerting rules of a configuration.

    Prometheus loads the file under `rule_files:`. The alerts page on episodes, with what was
    seen, what was expected and how rare that is; write the file again when signals change.

    Exit codes: 0 written, 1 the file cannot be written, 2 the configuration is refused.
    """
    import os

    from forewarn_adapters.config.reading import read_config
    from forewarn_rules import rules_for

    text = rules_for(_signals(read_config(config, environment=os.environ)))
    if out == "-":
        typer.echo(text, nl=False)
    else:
        _write(Path(out), text)


def _write(path: Path, text: str) -> None:
    from forewarn_models.errors import WriteError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as failed:
        raise WriteError(
            f"--out must name a file that can be written, got {path}: {failed.strerror}"
        ) from failed
    typer.echo(f"wrote {path}", err=True)


def _signals(config: "Config") -> list["SignalRules"]:
    from forewarn_rules import SignalRules

    return [
        SignalRules(
            signal.name,
            step=signal.step,
            train_every=config.training.every,
            team=signal.team,
            has_forecast=signal.forecast is not None,
            has_limit=signal.forecast is not None and signal.forecast.limit is not None,
        )
        for signal in config.signals
    ]
