import logging
import threading
import warnings

from forewarn_models.forecasters.quiet import quietly


def test_warnings_and_lines_are_kept_away_and_then_heard_again(caplog):
    talkative = logging.getLogger("a.talkative.library")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with quietly(["a.talkative.library"]):
            warnings.warn("unheard", stacklevel=1)
            talkative.warning("unheard")
        warnings.warn("heard", stacklevel=1)
        talkative.warning("heard")
    assert [str(warning.message) for warning in heard] == ["heard"]
    assert [record.message for record in caplog.records] == ["heard"]


def test_one_thread_at_a_time_is_inside():
    is_inside, seen = threading.Event(), []

    def other():
        with quietly():
            seen.append(is_inside.is_set())

    thread = threading.Thread(target=other)
    with quietly(), quietly():
        is_inside.set()
        thread.start()
        thread.join(0.05)
        assert seen == []
        is_inside.clear()
    thread.join()
    assert seen == [False]
