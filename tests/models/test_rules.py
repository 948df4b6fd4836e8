import math

import pytest

from forewarn_models.rules import cluster_gap, rules_of

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
STEPS = [1.0, 10.0, 60.0, 300.0, 3_600.0]


def forgets_in(gain, step):
    """The seconds in which a mean that one sample moves so far forgets."""
    return -step / math.log1p(-gain)


@pytest.mark.parametrize(
    ("step", "fast", "slow", "lags", "block", "gap"),
    [
        (1.0, (15, 40), (6, 600), (300, 1_800), 1_800, 1_800),
        (10.0, (15, 4), (6, 60), (30, 180), 180, 180),
        (60.0, (10, 1), (6, 10), (5, 30), 30, 30),
        (300.0, (6, 1), (6, 2), (3, 6), 6, 6),
        (420.0, (6, 1), (6, 2), (3, 6), 4, 6),
        (3_600.0, (6, 1), (6, 1), (3, 3), 3, 6),
    ],
)
def test_windows_lags_and_blocks_follow_the_step(step, fast, slow, lags, block, gap):
    rules = rules_of(step)
    assert (tuple(rules.fast), tuple(rules.slow)) == (fast, slow)
    assert (rules.lags, rules.block, rules.cluster_gap) == (lags, block, gap)
    assert cluster_gap(step) == gap
    assert rules.step_seconds == step
    assert rules.step_decades == pytest.approx(math.log10(step))


@pytest.mark.parametrize(
    ("step", "block", "told"),
    [(10.0, 8_640, 1_080), (300.0, 288, 36), (3_600.0, 24, 3), (7_200.0, 12, 3), (86_400.0, 3, 3)],
)
def test_a_drift_waits_for_a_day_and_is_told_for_three_hours(step, block, told):
    assert (rules_of(step).drift_block, rules_of(step).drift_told) == (block, told)


@pytest.mark.parametrize("step", STEPS)
def test_means_forget_in_hours_and_days_but_not_within_a_step(step):
    rules = rules_of(step)
    assert forgets_in(rules.long, step) == pytest.approx(4 * HOUR)
    assert forgets_in(rules.unrest, step) == pytest.approx(4 * HOUR)
    assert forgets_in(rules.short, step) == pytest.approx(max(HOUR, step))
    assert forgets_in(rules.day, step) == pytest.approx(DAY)
    assert forgets_in(rules.week, step) == pytest.approx(7 * DAY)


@pytest.mark.parametrize("step", STEPS)
def test_the_level_forgets_in_a_day_or_thirty_samples(step):
    level = rules_of(step).level
    assert forgets_in(level.level, step) == pytest.approx(max(DAY, 30 * step))
    assert forgets_in(level.run, step) == pytest.approx(max(HOUR, 15 * step))
    assert forgets_in(level.loss, step) == pytest.approx(3 * DAY)


@pytest.mark.parametrize("step", STEPS)
def test_noise_is_learned_for_two_weeks_of_all_hours_or_of_one(step):
    for gains in (rules_of(step).fast_gains, rules_of(step).slow_gains):
        assert forgets_in(gains.usual, step) == pytest.approx(14 * DAY)
        assert gains.hour == pytest.approx(24 * gains.usual)
    assert rules_of(8 * HOUR).fast_gains.hour == 0.5


@pytest.mark.parametrize(
    ("step", "blocks", "memories"),
    [
        (1.0, (600, 3_600), (2 * HOUR, 6 * HOUR)),
        (60.0, (10, 60), (2 * HOUR, 6 * HOUR)),
        (300.0, (2, 12), (2 * HOUR, 6 * HOUR)),
        (3_600.0, (1, 1), (12 * HOUR, 12 * HOUR)),
        (7_200.0, (1, 1), (24 * HOUR, 24 * HOUR)),
    ],
)
def test_recent_noise_is_that_of_a_few_hours_in_blocks_as_long_as_the_window(
    step, blocks, memories
):
    rules = rules_of(step)
    for gains, block, memory in zip(
        (rules.fast_gains, rules.slow_gains), blocks, memories, strict=True
    ):
        assert gains.block == block
        assert forgets_in(gains.recent, block * step) == pytest.approx(memory)


def test_a_side_is_a_sign():
    sides = {side: rules_of(60.0, side).wanted for side in ("both", "up", "down")}
    assert sides == {"both": 0, "up": 1, "down": -1}
    assert rules_of(60.0).wanted == 0
    assert rules_of(60.0, "up") == rules_of(60.0)._replace(wanted=1)


@pytest.mark.parametrize(("step", "gap"), [(0.1, 18_000), (7.0, 258), (299.0, 7), (86_400.0, 6)])
def test_half_an_hour_of_quiet_parts_two_episodes_but_never_less_than_six_steps(step, gap):
    assert cluster_gap(step) == gap
