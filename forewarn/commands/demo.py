"""`forewarn demo`."""

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console


def demo(
    *,
    embedded: bool = typer.Option(
        False, "--embedded", help="Run on a recording, without any server."
    ),
    stay: bool = typer.Option(
        sys.stdout.isatty(),
        "--stay/--no-stay",
        help="Go on until Ctrl-C after the page; the default in a terminal.",
    ),
) -> None:
    """See Forewarn work on real servers of its own, in two minutes.

    Starts Prometheus, Alertmanager and node_exporter on loopback and free ports with two weeks of
    simulated history, learns, scores, breaks something, and shows the page that Alertmanager
    delivers. Where the servers are missing they are fetched from Debian's packages, without
    installing them; where they cannot be had, the same pipeline runs on a recording.
    """
    from rich.console import Console

    from forewarn.demo.embedded import play_on_a_recording
    from forewarn.demo.real import play_on_real_servers

    signal.signal(signal.SIGTERM, _interrupt)
    console = Console()
    try:
        if embedded or not _servers_are_here(console):
            play_on_a_recording(console)
        else:
            play_on_real_servers(console, stay=stay)
    except KeyboardInterrupt:
        console.print("Stopped; everything that ran is gone, and so are its files.")


def _servers_are_here(console: "Console") -> bool:
    from forewarn_adapters.debian_programs import fetch_programs, programs_directory
    from forewarn_adapters.local_servers import missing_programs
    from forewarn_models.errors import SourceUnavailable

    if not missing_programs():
        return True
    console.print("Fetching Prometheus, Alertmanager and node_exporter from Debian's packages.")
    try:
        fetch_programs(programs_directory())
    except SourceUnavailable as why:
        console.print(f"They cannot be had here ({why}): running on a recording instead.")
        return False
    return not missing_programs()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
