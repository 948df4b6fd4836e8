"""`forewarn logs`: which patterns the lines of logs follow."""

from pathlib import Path
from typing import Annotated, Literal

import typer

# Those of the configuration, whose schema help must not import.
Format = Literal[
    "auto", "line", "json", "logfmt", "cri", "docker", "syslog", "combined", "python", "java"
]


def logs(
    inputs: Annotated[list[Path], typer.Argument(help="Logs, text; - is standard input.")],
    out: Annotated[Path, typer.Option(help="The folder for lines.csv and patterns.csv.")],
    *,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Go on reading what is added, through rotation and truncation, and print each "
            "new pattern; Ctrl-C writes the files.",
        ),
    ] = False,
    log_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="What lines look like. But for `line`, only what follows times, levels and the "
            "like is mined, and stack traces are part of the line before them; `auto` tells the "
            "format from each line.",
        ),
    ] = "line",
    most_patterns: Annotated[
        int,
        typer.Option(help="How many patterns are kept; others are folded into `other`."),
    ] = 5_000,
) -> None:
    """Find the patterns of logs.

    A pattern is what lines have in common, with <*> for what varies: "order <*> accepted".

    There is nothing to configure. Numbers, addresses, identifiers, paths, times, sizes and names of
    accounts are told from words, in text, key=value and JSON alike; a word is also a <*> where many
    different ones come.

    lines.csv has `line_number`, from 1, and `pattern_id`; several inputs are one after another.
    With a format, the lines of a stack trace have no row of their own.
    patterns.csv has `pattern_id`, `template` and `count`, those with most lines first. The
    pattern_id follows from the pattern: it is the same on another machine, for other parts of the
    log and tomorrow. `forewarn run` gives its series the same names, as `--format auto` does.

    For example:

    forewarn logs /var/log/syslog --out patterns --format auto

    zcat app.log.gz | forewarn logs - --out patterns

    forewarn logs app.log --out patterns --follow

    forewarn logs /var/log/nginx/access.log --out patterns --format combined

    Exit codes: 0 done, 1 a file cannot be read or written, 2 an option is refused.
    """
    from contextlib import closing

    from forewarn.log_mining import Mining, follow_files, mine_files
    from forewarn.progress import compile_first
    from forewarn_adapters.logs.outputs import check_log_outputs
    from forewarn_adapters.outputs import make_directory
    from forewarn_models.lines.warming import warm_lines
    from forewarn_models.patterns.warming import warm_patterns

    check_log_outputs(out, inputs)
    make_directory(out)
    compile_first(warm_patterns)
    if log_format != "line":
        compile_first(warm_lines)
    with closing(Mining(out, most_patterns=most_patterns, log_format=log_format)) as mining:
        if follow:
            follow_files(inputs, mining)
        else:
            mine_files(inputs, mining)
