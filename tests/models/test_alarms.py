"""forewarn_models.alarms"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.alarms import alarms_of
from forewarn_models.episodes import distinct_alarms
from forewarn_models.verdicts import Verdicts

MINUTE, HOUR = 60_000, 3_600_000
T0 = 1_700_000_000_000


def verdicts_of(
    *samples: tuple[int, int, int, float, int],
) -> Verdicts:
    """Verdicts of (row, time, start of the episode or 0, score, view)."""
    row, at, start, score, view = (np.array(c) for c in zip(*samples, strict=True))
    score = score.astype(float)
    nothing = np.full(len(row), np.nan)
    return Verdicts(
        series=((("series", "a"),), (("series", "b"),)),
        row=row.astype(np.int64),
        timestamp_milliseconds=at.astype(np.int64),
        value=nothing,
        expected=nothing,
        lower=nothing,
        upper=nothing,
        return_period_seconds=100.0 * score,
        score=score,
        direction=np.ones(len(row), np.int8),
        view=view.astype(np.int8),
        severity=(start > 0).astype(np.int8),
        episode_direction=np.where(start > 0, -1, 0).astype(np.int8),
        episode_view=np.full(len(row), -1, np.int8),
        episode_start_milliseconds=start.astype(np.int64),
    )


def test_an_alarm_has_its_ends_and_what_its_rarest_sample_says():
    alarms = alarms_of(
        verdicts_of(
            (0, T0, 0, 0.2, 1),
            (0, T0 + MINUTE, T0 + MINUTE, 1.1, 2),
            (0, T0 + 2 * MINUTE, T0 + MINUTE, 1.7, 3),
            (0, T0 + 3 * MINUTE, T0 + MINUTE, np.nan, -1),
            (0, T0 + 4 * MINUTE, 0, 0.1, 0),
        )
    )
    assert len(alarms) == 1
    assert alarms.spans.row.tolist() == [0]
    assert alarms.spans.start_milliseconds.tolist() == [T0 + MINUTE]
    assert alarms.spans.end_milliseconds.tolist() == [T0 + 3 * MINUTE]
    assert (alarms.score.tolist(), alarms.view.tolist()) == ([1.7], [3])
    assert alarms.return_period_seconds.tolist() == [170.0]
    assert alarms.direction.tolist() == [-1]


def test_an_alarm_that_stays_on_is_another_one_every_four_hours():
    samples = [(1, T0 + hour * HOUR, T0, 1.0 + hour / 10, 2) for hour in range(10)]
    alarms = alarms_of(verdicts_of(*samples))
    hours = (alarms.spans.start_milliseconds - T0) // HOUR
    assert hours.tolist() == [0, 4, 8]
    assert ((alarms.spans.end_milliseconds - T0) // HOUR).tolist() == [3, 7, 9]
    np.testing.assert_allclose(alarms.score, [1.3, 1.7, 1.9])


def test_an_alarm_of_which_no_sample_can_say_has_no_rarity():
    alarms = alarms_of(verdicts_of((0, T0, T0, np.nan, -1)))
    assert np.isnan(alarms.return_period_seconds).all()


def test_verdicts_without_an_episode_are_no_alarm():
    assert len(alarms_of(verdicts_of((0, T0, 0, 3.0, 1)))) == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 50), st.integers(0, 3), st.floats(0, 3)),
        min_size=1,
        max_size=60,
    )
)
def test_there_are_as_many_as_the_service_counts_and_no_sample_lies_outside(samples):
    every = [
        (row, T0 + HOUR * at, (T0 + 10 * HOUR * episode) * (episode > 0), score, 0)
        for row, at, episode, score in samples
    ]
    verdicts = verdicts_of(*every)
    alarms = alarms_of(verdicts)
    on = verdicts.severity > 0
    times = verdicts.timestamp_milliseconds[on]
    expected = distinct_alarms(verdicts.row[on], verdicts.episode_start_milliseconds[on], times)
    assert len(alarms) == len(expected)
    np.testing.assert_array_equal(alarms.spans.row, expected[:, 0])
    for row, at in zip(verdicts.row[on], times, strict=True):
        spans = alarms.spans
        inside = (spans.start_milliseconds <= at) & (at <= spans.end_milliseconds)
        assert (inside & (spans.row == row)).any()
