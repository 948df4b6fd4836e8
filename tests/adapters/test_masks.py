from datetime import UTC, datetime

import numpy as np
import pytest

from forewarn_adapters.config.reading import parse_config
from forewarn_adapters.files import FilesSource
from forewarn_adapters.local_servers import start_alertmanager
from forewarn_adapters.masks import Window, read_masks
from forewarn_models.masks import covered_milliseconds

MINUTE, HOUR = 60_000, 3_600_000
START = round(datetime(2024, 10, 22, tzinfo=UTC).timestamp() * 1_000)
DAY = Window(START, START + 24 * HOUR, MINUTE)
EVENTS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests
BEGIN:VEVENT
UID:1
DTSTART:20241022T100000
DTEND:20241022T110000
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART:20241021T230000Z
DTEND:20241021T235000Z
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def source(tmp_path):
    """A recording with values from three to four o'clock and from six to half past six."""
    minutes = [*range(180, 240), *range(360, 390)]
    rows = [f"{START // 1_000 + 60 * minute},1" for minute in minutes]
    path = tmp_path / "deploy.csv"
    path.write_text("\n".join(["timestamp,deploy", *rows]) + "\n")
    return FilesSource((path,))


@pytest.fixture
def read(tmp_path, source):
    """Return a function that reads the masks of one signal, written as in the file."""

    def run(masks, *, more="", window=DAY):
        (tmp_path / "maintenance.ics").write_text(EVENTS)
        text = f"files: [a.csv]\nmasks: {masks}\nsignals: [{{name: load, query: a{more}}}]"
        signal = parse_config(text, environment={}, folder=tmp_path).signals[0]
        return read_masks(signal, source, window)

    return run


def hours(reading):
    return [
        ((each.start_milliseconds - START) / HOUR, (each.end_milliseconds - START) / HOUR)
        for each in reading.intervals
    ]


def test_a_signal_without_masks_reads_none(read):
    assert read("[]") == ()


def test_a_calendar_hides_its_events_within_the_time_that_is_asked_about(read):
    (reading,) = read("[{ical: maintenance.ics}]")
    assert hours(reading) == [(10, 11)]
    assert reading.problem == ""


def test_a_time_without_a_zone_is_of_the_calendar_of_the_signal(read):
    (reading,) = read("[{ical: maintenance.ics}]", more=", calendar: {timezone: Europe/Berlin}")
    assert hours(reading) == [(8, 9)]


def test_padding_widens_both_sides_and_reaches_in_from_outside(read):
    (reading,) = read("[{ical: maintenance.ics, padding: 30m}]")
    assert hours(reading) == [(0, pytest.approx(1 / 3)), (9.5, 11.5)]
    assert reading.name.endswith("maintenance.ics with 30m around")


def test_a_query_hides_the_instants_at_which_it_has_a_value(read):
    (reading,) = read("[{query: deploy, padding: 1m}]")
    # A file's value answers for five minutes.
    np.testing.assert_allclose(
        hours(reading), [(3 - 1 / 60, 4 + 5 / 60), (6 - 1 / 60, 6.5 + 5 / 60)], atol=0.02
    )


def test_a_query_without_a_value_hides_nothing(read):
    (reading,) = read("[{query: nobody}]")
    assert (reading.intervals, reading.problem) == ((), "")


def test_what_cannot_be_read_hides_nothing_and_says_why_and_the_others_go_on(read):
    missing, down, wrong, good = read(
        "[{ical: missing.ics}, {silences: {url: 'http://127.0.0.1:1', timeout: 1s}}, "
        "{query: 'a == 1'}, {ical: maintenance.ics}]"
    )
    assert "must be readable: No such file" in missing.problem
    assert "http://127.0.0.1:1 must be reachable" in down.problem
    assert "files answer only selectors" in wrong.problem
    assert [reading.intervals for reading in (missing, down, wrong)] == [()] * 3
    assert hours(good) == [(10, 11)]


def test_silences_are_forgotten_by_their_source_and_named_without_secrets(read, tmp_path):
    server = start_alertmanager(tmp_path / "am", webhook_url="http://127.0.0.1:1")
    try:
        (reading,) = read(
            f"[{{silences: {{url: '{server.url}', matchers: ['team=\"a\"'], bearer_token: hush}}}}]"
        )
    finally:
        server.stop()
    assert reading.name == f'the silences of {server.url} with team="a"'
    assert (reading.intervals, reading.problem, reading.is_forgetful) == ((), "", True)


def test_masks_of_a_signal_stand_in_place_of_those_of_the_file(read):
    (own,) = read("[{ical: maintenance.ics}]", more=", masks: [{query: nobody}]")
    assert own.name == "the query nobody"
    assert read("[{ical: maintenance.ics}]", more=", masks: []") == ()


def test_what_is_hidden_can_be_counted_in_hours(read):
    (reading,) = read("[{ical: maintenance.ics, padding: 15m}]")
    assert covered_milliseconds(reading.intervals) == 1.5 * HOUR + 5 * MINUTE
