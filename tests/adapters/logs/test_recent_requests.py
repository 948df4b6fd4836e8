import pytest

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.logs.receiving import recent_requests
from forewarn_adapters.logs.receiving.recent_requests import RecentRequests
from forewarn_models.errors import StoreError

HOUR = 3_600_000


def digest(number: int) -> bytes:
    return number.to_bytes(16, "big")


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(recent_requests, "_MOST", 8)


def known(recent: RecentRequests, numbers: range) -> list[int]:
    return [number for number in numbers if digest(number) in recent]


def test_a_request_is_known_for_an_hour(tmp_path):
    clock = ManualClock(1000)
    recent = RecentRequests(tmp_path / "recent", clock)
    assert digest(1) not in recent
    recent.add(digest(1))
    clock.advance(milliseconds=HOUR - 1)
    assert digest(1) in recent
    clock.advance(milliseconds=1)
    assert digest(1) not in recent
    recent.close()


def test_requests_are_known_after_a_restart(tmp_path, few):
    clock = ManualClock(1000)
    for first in (0, 3, 6, 9, 12):  # the file goes round once in between
        recent = RecentRequests(tmp_path / "recent", clock)
        for number in range(first, first + 3):
            recent.add(digest(number))
            clock.advance(milliseconds=1)
        # A kill leaves the file as it is.
        again = RecentRequests(tmp_path / "recent", clock)
        assert known(again, range(20)) == known(recent, range(20))
        assert known(again, range(20)) == list(range(max(0, first + 3 - 8), first + 3))
        again.close()
        recent.close()


def test_no_more_are_kept_than_there_is_room_for(tmp_path, few):
    recent = RecentRequests(tmp_path / "recent", ManualClock(1000))
    for number in range(100):
        recent.add(digest(number))
    assert known(recent, range(100)) == list(range(92, 100))
    assert (tmp_path / "recent").stat().st_size == 8 * 24
    recent.close()


def test_the_latest_sight_of_a_request_counts(tmp_path, few):
    clock = ManualClock(1000)
    recent = RecentRequests(tmp_path / "recent", clock)
    recent.add(digest(1))
    clock.advance(milliseconds=HOUR)
    recent.add(digest(1))
    assert digest(1) in recent
    recent.close()
    recent = RecentRequests(tmp_path / "recent", clock)
    assert digest(1) in recent
    recent.close()


def test_a_file_that_cannot_be_used_is_told(tmp_path):
    with pytest.raises(StoreError, match="must be writable"):
        RecentRequests(tmp_path, ManualClock(0))
    recent = RecentRequests(tmp_path / "recent", ManualClock(1))
    recent.close()
    with pytest.raises(StoreError, match="must be writable"):
        recent.add(digest(1))
