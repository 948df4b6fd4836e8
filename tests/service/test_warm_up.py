"""forewarn_service.warm_up"""

import itertools
import logging
import threading

import pytest
from prometheus_client import CollectorRegistry

from forewarn_service.telemetry import Telemetry
from forewarn_service.warm_up import WarmUp
from webhook import wait_until


def telemetry() -> Telemetry:
    return Telemetry(CollectorRegistry(), version="1")


def is_compiling() -> bool:
    return any(thread.name == "warm-up" for thread in threading.enumerate())


def test_scoring_begins_after_compiling_which_is_told_when_it_takes_long(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    seconds = itertools.count(start=0, step=1_500)  # from one look at the clock to the next
    began: list[bool] = []
    warm_up = WarmUp(
        lambda: began.append(warm_up.is_done()), clock=seconds.__next__, telemetry=telemetry()
    )
    assert not warm_up.is_done()
    warm_up.start()
    wait_until(warm_up.is_done, seconds=120.0)
    assert began == [False]
    assert caplog.messages == [
        "compiling, once for each release, before scoring begins: learning (2 of 4)",
        "compiling, once for each release, before scoring begins: scoring (3 of 4)",
        "compiling, once for each release, before scoring begins: paths of forecasts (4 of 4)",
        "compiled in 8 s, kept for the next start",
    ]


def test_nothing_is_told_when_all_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    warm_up = WarmUp(lambda: None, clock=lambda: 5, telemetry=telemetry())
    warm_up.start()
    wait_until(warm_up.is_done, seconds=120.0)
    assert caplog.messages == []


def test_nothing_begins_after_a_stop() -> None:
    began: list[str] = []
    warm_up = WarmUp(lambda: began.append("loop"), clock=lambda: 5, telemetry=telemetry())
    warm_up.stop()
    warm_up.start()
    wait_until(lambda: not is_compiling(), seconds=120.0)
    assert (began, warm_up.is_done()) == ([], False)


def test_scoring_begins_also_when_compiling_ahead_fails() -> None:
    looks = itertools.count()

    def clock() -> int:
        if next(looks) == 1:
            raise OSError("the disk is full")
        return 5

    counted = telemetry()
    began: list[str] = []
    warm_up = WarmUp(lambda: began.append("loop"), clock=clock, telemetry=counted)
    warm_up.start()
    wait_until(warm_up.is_done)
    assert began == ["loop"]
    labels = {"reason": "internal", "signal": ""}
    assert counted.registry.get_sample_value("forewarn_errors_total", labels) == 1.0


def test_what_others_wait_for_is_compiled_first() -> None:
    told: list[str] = []
    warm_up = WarmUp(
        lambda: told.append("then"),
        clock=lambda: 5,
        telemetry=telemetry(),
        first=(lambda: told.append("lines"),),
    )
    warm_up.start()
    wait_until(warm_up.is_done, seconds=120.0)
    assert told == ["lines", "then"]
