"""forewarn.progress"""

from forewarn.progress import with_progress


def test_a_file_that_is_called_like_markup_is_shown_as_it_is(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    monkeypatch.delenv("NO_COLOR", raising=False)
    names = ["load[/s].csv", "load[red].csv"]
    for _, tell in with_progress(names, what="scoring", name_of=str):
        tell("judging [ms]")
    said = capsys.readouterr().err
    assert "load[red].csv: judging [ms]" in said
