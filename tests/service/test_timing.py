from forewarn_service.timing import Phase, timing_of


def test_the_times_of_a_fine_a_usual_and_a_coarse_step() -> None:
    fine, usual, coarse = (timing_of(step) for step in (100, 30_000, 3_600_000))
    assert (fine.lateness, fine.window, fine.stale) == (2_000, 600_000, 6_000)
    assert (usual.lateness, usual.window, usual.stale) == (60_000, 600_000, 300_000)
    assert (coarse.lateness, coarse.window, coarse.hold) == (7_200_000, 28_800_000, 10_800_000)


def test_ticks_stand_on_the_grid_of_the_step() -> None:
    phase = Phase(1_000)
    assert [phase.next_tick(now) for now in (10_000, 10_050, 10_051)] == [10_050, 11_050, 11_050]


def test_ticks_come_soon_after_the_time_at_which_samples_are_stamped() -> None:
    phase = Phase(1_000)
    phase.learn(10_700, now=11_050)
    assert phase.next_tick(11_060) == 11_750


def test_a_sample_that_was_not_there_yet_makes_the_next_ticks_later() -> None:
    phase = Phase(1_000)
    phase.learn(10_700, now=10_750)
    phase.learn(10_700, now=11_750)
    assert phase.next_tick(11_760) == 11_800


def test_the_margin_never_exceeds_half_a_step() -> None:
    phase = Phase(1_000)
    for now in range(10_750, 12_600, 10):
        phase.learn(10_700, now=now)
    assert phase.next_tick(12_600) == 13_200


def test_nothing_is_learned_without_a_sample_or_from_the_future() -> None:
    phase = Phase(1_000)
    phase.learn(None, now=10_000)
    phase.learn(99_000, now=10_000)
    assert phase.next_tick(10_000) == 10_050
