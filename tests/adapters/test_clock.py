import time

from forewarn_adapters.clock import Clock, ManualClock, now_milliseconds


def test_now_is_the_system_time_in_whole_milliseconds():
    before = time.time_ns() // 1_000_000
    now = now_milliseconds()
    assert before <= now <= time.time_ns() // 1_000_000


def test_a_manual_clock_moves_only_when_told():
    clock = ManualClock(1_000)
    as_clock: Clock = clock
    assert as_clock() == 1_000
    clock.advance(milliseconds=250)
    assert as_clock() == 1_250
