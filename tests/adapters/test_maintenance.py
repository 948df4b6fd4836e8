import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from forewarn_adapters import maintenance, repeating
from forewarn_adapters.config.endpoints import BasicAuth, Tls
from forewarn_adapters.config.learning import CalendarServer
from forewarn_adapters.maintenance import name_of, read_calendar
from forewarn_models.errors import DataError, SourceRejected, SourceUnavailable
from hostile_server import answering, hostile

FIRST, LAST = datetime(2024, 10, 20, tzinfo=UTC), datetime(2024, 11, 3, tzinfo=UTC)
NIGHT = "DTSTART;TZID=Europe/Berlin:20240101T020000\nDTEND;TZID=Europe/Berlin:20240101T030000\n"


def calendar(*events: str) -> str:
    body = "".join(
        f"BEGIN:VEVENT\nUID:{number}\nDTSTAMP:20240101T000000Z\n{event.strip()}\nEND:VEVENT\n"
        for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//tests\n{body}END:VCALENDAR\n"


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a calendar from a file: starts and ends as text, in UTC."""

    def run(text, *, zone="UTC"):
        path = tmp_path / "maintenance.ics"
        path.write_text(text)
        return times(path, zone=zone)

    return run


def times(place, *, zone="UTC"):
    first, last = (round(at.timestamp() * 1_000) for at in (FIRST, LAST))
    found = read_calendar(place, zone=zone, first=first, last=last)
    return sorted(
        tuple(
            f"{datetime.fromtimestamp(at / 1_000, UTC):%m-%d %H:%M}"
            for at in (each.start_milliseconds, each.end_milliseconds)
        )
        for each in found
    )


def test_a_single_event_is_an_interval(read):
    text = calendar("DTSTART:20241022T100000Z\nDTEND:20241022T113000Z")
    assert read(text) == [("10-22 10:00", "10-22 11:30")]


def test_a_recurring_event_follows_the_clocks_of_its_zone(read):
    assert read(calendar(f"{NIGHT}RRULE:FREQ=WEEKLY;BYDAY=SU")) == [
        ("10-20 00:00", "10-20 01:00"),
        ("10-27 00:00", "10-27 02:00"),  # at two in the morning, which comes twice on that day
        ("11-03 01:00", "11-03 02:00"),
    ]


def test_an_occurrence_that_is_taken_out_or_cancelled_is_no_interval(read):
    weekly = f"{NIGHT}RRULE:FREQ=WEEKLY;BYDAY=SU\nEXDATE;TZID=Europe/Berlin:20241027T020000"
    assert len(read(calendar(weekly))) == 2
    assert read(calendar(f"{NIGHT}RRULE:FREQ=DAILY\nSTATUS:CANCELLED")) == []


@pytest.mark.parametrize(
    ("zone", "begins"), [("UTC", "10-24 00:00"), ("Asia/Tokyo", "10-23 15:00")]
)
def test_a_whole_day_is_a_day_of_the_signals_zone(read, zone, begins):
    ((start, end),) = read(calendar("DTSTART;VALUE=DATE:20241024"), zone=zone)
    assert start == begins
    assert end == begins.replace("24", "25").replace("23", "24")


def test_a_time_without_a_zone_is_of_the_signals_zone(read):
    text = calendar("DTSTART:20241024T120000\nDURATION:PT1H")
    assert read(text, zone="America/New_York") == [("10-24 16:00", "10-24 17:00")]


def test_a_calendar_without_events_hides_nothing(read):
    assert read(calendar()) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "<html></html>",
        calendar("DTSTART:garbage"),
        calendar("SUMMARY:without a start"),
        calendar(f"{NIGHT}RRULE:FREQ=NEVER"),
    ],
)
def test_what_is_no_calendar_is_refused_with_its_name(read, text):
    with pytest.raises(DataError, match=r"maintenance\.ics: a calendar must be iCalendar, got "):
        read(text)


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=DAILY;BYHOUR=1,2;BYMINUTE=" + "3," * 900 + "4"]
)
def test_a_rule_without_measure_is_refused_before_it_is_followed(read, rule):
    with pytest.raises(DataError, match="must repeat at most 300000 times up to now, got "):
        read(calendar(f"{NIGHT}RRULE:{rule}"))


@pytest.mark.parametrize("kind", ["VEVENT", "STANDARD"])
@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be at least 1, got FREQ=DAILY;INTERVAL=0"),
        ("FREQ=WEEKLY;INTERVAL=-2", "INTERVAL must be at least 1, got FREQ=WEEKLY;INTERVAL=-2"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "must name days that there are, got FREQ=DAILY"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3", "must name days that there are"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "must name days that there are"),  # begins on a Monday
        ("FREQ=DAILY;BYSETPOS=2", "must name days that there are"),
        ("FREQ=MINUTELY;BYMONTH=2", "repeats within a day must not choose days, got FREQ=MINUT"),
    ],
)
def test_a_rule_without_an_end_is_refused_before_it_is_followed(read, kind, rule, said):
    start = f"DTSTART:20240101T000000\nRRULE:{rule}"
    zone = f"TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n{start}"
    text = {
        "VEVENT": calendar(start),
        "STANDARD": calendar().replace(
            "END:VCALENDAR",
            f"BEGIN:VTIMEZONE\nTZID:Here\nBEGIN:STANDARD\n{zone}\nEND:STANDARD\n"
            "END:VTIMEZONE\nEND:VCALENDAR",
        ),
    }
    with pytest.raises(DataError, match=said):
        read(text[kind])


def test_rules_that_together_skip_too_many_days_are_refused(read, monkeypatch):
    monkeypatch.setattr(repeating, "MOST_EMPTY_DAYS", 3_000)
    leap = "DTSTART:20240229T100000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"
    assert read(calendar(leap, leap)) == []
    with pytest.raises(DataError, match="must skip at most 3000 days, got more"):
        read(calendar(leap, leap, leap))


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=31", ["31"]),
        ("FREQ=MONTHLY;BYDAY=-1TH", ["31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["31"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;WKST=SU", ["22"]),
        ("FREQ=DAILY;INTERVAL=5", ["23", "28", "02"]),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20241023", ["22"]),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20241022T230000Z", ["22"]),
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=43", ["22"]),
        ("FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=31;UNTIL=20220101T000000Z", []),
    ],
)
@pytest.mark.parametrize(
    "start", ["DTSTART:20240102T100000", "DTSTART;TZID=Europe/Berlin:20240102T100000"]
)
def test_a_rule_with_an_end_is_followed_to_it(read, start, rule, days):
    start = start.replace("2024", "2021") if "2022" in rule else start
    found = read(calendar(f"{start}\nDURATION:PT1H\nRRULE:{rule}"))
    assert sorted(begin[3:5] for begin, _ in found) == sorted(days)


def test_a_calendar_of_too_many_events_or_bytes_is_refused(read, monkeypatch):
    text = calendar(*["DTSTART:20241022T100000Z\nDURATION:PT1H"] * 3)
    monkeypatch.setattr(maintenance, "MOST_EVENTS", 2)
    with pytest.raises(DataError, match="at most 2 events, got 3"):
        read(text)
    monkeypatch.setattr(maintenance, "MOST_BYTES", 100)
    with pytest.raises(DataError, match="at most 100 bytes, got more"):
        read(text)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataError, match=r"missing\.ics: a calendar must be readable: No such file"):
        times(tmp_path / "missing.ics")


def test_a_url_is_asked_with_its_path_and_its_question():
    with hostile(answering(200, calendar("DTSTART:20241022T100000Z\nDURATION:PT1H"))) as server:
        assert times(f"{server.url}/private/team.ics?export") == [("10-22 10:00", "10-22 11:00")]
        assert [request.path for request in server.requests] == ["/private/team.ics?export"]
        times(server.url)
        assert server.requests[-1].path == "/"


def test_the_path_of_a_url_stands_in_no_message():
    with hostile(answering(404, "gone")) as server:
        place = f"{server.url}/very-private.ics"
        assert name_of(place) == server.url
        with pytest.raises(SourceRejected) as caught:
            times(place)
        assert "private" not in str(caught.value)
    with pytest.raises(SourceUnavailable) as unreachable:
        times(CalendarServer(url=place, timeout=timedelta(seconds=1)))
    assert "private" not in str(unreachable.value)


def test_an_answer_that_points_elsewhere_is_not_followed():
    moved = answering(302, "", {"Location": "http://127.0.0.1:1/else"})
    with hostile(moved) as server, pytest.raises(SourceRejected, match="points elsewhere"):
        times(server.url)


def test_a_calendar_behind_tls_and_a_password_is_read(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def behaviour(exchange):
        is_known = exchange.request.headers.get("Authorization") == "Basic YW5uOmhvcnNl"
        text = calendar("DTSTART:20241022T100000Z\nDURATION:PT1H")
        exchange.answer(200 if is_known else 401, text.encode() if is_known else b"")

    with hostile(behaviour) as server:
        listening = server._server
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        place = CalendarServer(
            url=server.url.replace("http:", "https:") + "/team.ics",
            basic_auth=BasicAuth(username="ann", password="horse"),
            tls=Tls(ca_file=tmp_path / "ca.pem"),
        )
        assert times(place) == [("10-22 10:00", "10-22 11:00")]
        stranger = place.model_copy(update={"basic_auth": None})
        with pytest.raises(SourceRejected, match="refuses the credentials"):
            times(stranger)
