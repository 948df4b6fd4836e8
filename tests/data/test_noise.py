import numpy as np

from forewarn_data.noise import noise_at, normal_of_slot, uniform_of_slot

MONTH_OF_MINUTES = 1_790_000_000_000 + 60_000 * np.arange(30 * 1440)


def test_a_slot_has_the_same_number_whatever_else_is_asked_for() -> None:
    slots = np.array([7, -3, 7, 2**40])
    together = uniform_of_slot(slots, seed=3, stream=1)
    alone = np.concatenate([uniform_of_slot(slots[[n]], seed=3, stream=1) for n in range(4)])
    assert alone.tolist() == together.tolist()
    assert together[0] == together[2]


def test_numbers_lie_evenly_between_zero_and_one() -> None:
    numbers = uniform_of_slot(np.arange(100_000), seed=1, stream=0)
    counts, _ = np.histogram(numbers, bins=10, range=(0.0, 1.0))
    assert counts.sum() == 100_000
    # Six standard deviations of a count of 10,000.
    assert np.abs(counts - 10_000).max() < 600


def test_neighbours_seeds_and_streams_are_not_correlated() -> None:
    slots = np.arange(100_000)
    first = normal_of_slot(slots, seed=1, stream=0)
    others = [
        normal_of_slot(slots + 1, seed=1, stream=0),
        normal_of_slot(slots, seed=2, stream=0),
        normal_of_slot(slots, seed=1, stream=1),
    ]
    assert max(abs(np.corrcoef(first, other)[0, 1]) for other in others) < 0.02


def test_noise_has_mean_zero_and_variance_one() -> None:
    noise = noise_at(MONTH_OF_MINUTES, seed=5)
    assert abs(noise.mean()) < 0.1
    assert 0.9 < noise.var() < 1.1


def test_noise_is_correlated_over_minutes_and_not_over_days() -> None:
    noise = noise_at(MONTH_OF_MINUTES, seed=5)
    at = {lag: np.corrcoef(noise[:-lag], noise[lag:])[0, 1] for lag in (5, 60, 1440)}
    assert at[5] > 0.25
    assert at[5] > at[60] > 0.05
    assert abs(at[1440]) < 0.05


def test_the_order_of_the_times_does_not_matter() -> None:
    times = MONTH_OF_MINUTES[:100]
    assert noise_at(times[::-1], seed=5)[::-1].tolist() == noise_at(times, seed=5).tolist()
