"""forewarn_models.warming"""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

import numba
import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.calendar import Calendar
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.contract import FittedDetector
from forewarn_models.detector import RarityDetector
from forewarn_models.fold import (
    FoldPolicy,
    FoldState,
    fold,
    fold_state_from_bytes,
    fold_state_to_bytes,
    start_fold,
    welcome,
)
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.panel import Panel
from forewarn_models.samples import samples_of
from forewarn_models.stored_detector import fitted_from_state
from forewarn_models.warming import warm

IS_COMPILED = not numba.config.DISABLE_JIT
DAY_MILLISECONDS = 86_400_000
BERLIN = Calendar(offsets=((0, 3_600_000), (DAY_MILLISECONDS, 7_200_000)), days_off=(3, 5))
POLICY = FoldPolicy()

Signatures = dict[str, tuple[str, ...]]


def signatures() -> Signatures:
    """Return what each kernel was compiled for in this process."""
    kernels = {
        kernel.py_func.__qualname__: kernel.signatures
        for name, module in sys.modules.items()
        if name.startswith("forewarn_models")
        for kernel in vars(module).values()
        if isinstance(kernel, numba.core.dispatcher.Dispatcher)
    }
    return {name: tuple(map(str, known)) for name, known in kernels.items() if known}


def panel(values: np.ndarray, *, start: int = 0, step: int = 60_000) -> Panel:
    series = tuple((("host", str(row)), ("site", str(row % 2))) for row in range(len(values)))
    return Panel(values, series, start, step)


def noise(*shape: int) -> np.ndarray:
    return 5.0 + np.random.default_rng(1).standard_normal(shape)


def folded(model: FittedDetector, state: FoldState, n_times: int) -> FoldState:
    """Score some slots, the last one twice, and return what is kept, through bytes."""
    start, step = state.carry.next_milliseconds, model.step_milliseconds
    recent = Panel(noise(len(model.series), n_times), model.series, start, step)
    model.views(recent, state.carry)
    samples = samples_of(recent)
    twice = samples.select(np.append(np.arange(len(samples)), len(samples) - 1))
    end = recent.end_milliseconds
    _, after = fold(model, POLICY, twice, state, until_milliseconds=end)
    return fold_state_from_bytes(fold_state_to_bytes(after))


def use(detector: RarityDetector, history: Panel) -> None:
    """Do with a history all that the service, trainings and requests do."""
    model = detector.fit(history)
    stored = fitted_from_state(from_bytes(to_bytes(model.state())))
    state = folded(stored, start_fold(stored, POLICY), 3)
    state = folded(stored, state, 1)
    newcomer = (("host", "new"), ("site", "0"))
    wider, state = welcome(stored, state, {newcomer: 5.0})
    folded(wider, state, 2)
    detector.fit(history, earlier=stored)
    forecaster = SeasonalNaive().fit(history)
    for side in ("above", "below"):
        forecaster.extremes(30, side)
    forecaster_from_state(from_bytes(to_bytes(forecaster.state()))).extremes(30, "above")


def signatures_around_work() -> tuple[Signatures, Signatures]:
    """Return what was compiled after warming, and after the work on panels of all sorts."""
    warm()
    warmed = signatures()
    grouped = RarityDetector(group_by=("site",), siblings=("site",), calendar=BERLIN)
    hourly = noise(4, 24 * 17)
    hourly[0, 7:90] = np.nan
    hourly[1, 5] = np.inf
    use(grouped, panel(hourly, step=3_600_000))
    use(RarityDetector(), panel(noise(1, 80)))
    use(RarityDetector(), panel(noise(2, 80).astype(np.float32)))
    use(RarityDetector(), panel(noise(80, 3).T))
    use(RarityDetector(), panel(noise(3, 160)[:, ::2]))
    use(RarityDetector(), panel(noise(3, 160).T[:, ::-1].T[::-1]))
    use(RarityDetector(), panel(np.full((2, 70), -4, dtype=np.int64)))
    use(grouped, panel(noise(260, 64)))
    use(grouped, panel(noise(9, 600)))
    seasons = (timedelta(minutes=20),)
    use(RarityDetector(seasons=seasons, direction="up"), panel(noise(2, 100), start=7_000))
    return warmed, signatures()


@pytest.mark.skipif(not IS_COMPILED, reason="nothing is compiled")
def test_no_panel_compiles_anything_after_warming() -> None:
    context = multiprocessing.get_context("spawn")  # where no other test has compiled anything
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        warmed, worked = executor.submit(signatures_around_work).result()
    assert worked == warmed
    expected = {"learn_walk", "score_walk", "_walk", "_grow_rows", "_mean_lengths", "_simulate"}
    assert expected <= warmed.keys()


def test_each_part_is_told_before_it_is_compiled() -> None:
    told: list[str] = []
    warm(told.append)
    assert told == [
        "forests (1 of 4)",
        "learning (2 of 4)",
        "scoring (3 of 4)",
        "paths of forecasts (4 of 4)",
    ]
