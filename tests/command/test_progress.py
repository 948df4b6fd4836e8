"""forewarn.progress"""

from forewarn.progress import compile_first, with_progress


def test_a_file_that_is_called_like_markup_is_shown_as_it_is(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    monkeypatch.delenv("NO_COLOR", raising=False)
    names = ["load[/s].csv", "load[red].csv"]
    for _, tell in with_progress(names, what="scoring", name_of=str):
        tell("judging [ms]")
    said = capsys.readouterr().err
    assert "load[red].csv: judging [ms]" in said


def test_compiling_that_outlasts_patience_is_shown_and_said(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    monkeypatch.delenv("NO_COLOR", raising=False)
    compile_first(patience_seconds=0.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "forewarn: compiling, once for each release: about half a minute"
    assert lines[-1].endswith("forewarn: compiled in 0 s, kept for the next time")
    assert "compiling paths of forecasts (4 of 4)" in "".join(lines[1:-1])


def test_where_there_is_no_terminal_compiling_is_two_lines(monkeypatch, capsys):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    compile_first(patience_seconds=0.0)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_nothing_is_said_of_compiling_that_takes_no_time(capsys):
    compile_first(patience_seconds=600.0)
    assert capsys.readouterr().err == ""
