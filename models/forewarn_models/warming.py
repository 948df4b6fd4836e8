"""Warming: what is compiled at its first call is compiled before somebody waits for that call.

Compiling takes about twenty seconds, once for each version of the code; what is kept is read in
less than one. Each part takes arrays of one type, whatever panel they come from, so that a tiny
panel warms all.
"""

from collections.abc import Callable

import numpy as np

from forewarn_models.contract import FittedDetector
from forewarn_models.detector import RarityDetector
from forewarn_models.fold import FoldPolicy, fold, start_fold
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.forest import grow, isolation
from forewarn_models.panel import Panel
from forewarn_models.samples import samples_of

_SERIES = tuple((("member", str(number)), ("warmed", "all")) for number in range(3))
_GROUP_BY = ("warmed",)
_STEP_MILLISECONDS = 60_000
_LEARNED, _SCORED = 60, 2  # samples of each series


def warm(progress: Callable[[str], None] = lambda _part: None) -> None:
    """Compile, or read, all that detectors and forecasts call when they learn, score and fold.

    `progress` is told which part is next, such as "forests (1 of 4)". Afterwards no panel has
    anything compiled. Without compiling it only walks the tiny panel.
    """
    values = np.arange(float(len(_SERIES) * (_LEARNED + _SCORED))) % 7.0
    panel = Panel(values.reshape(len(_SERIES), -1), _SERIES, 0, _STEP_MILLISECONDS)
    progress("forests (1 of 4)")
    _isolate(panel)
    progress("learning (2 of 4)")
    model = RarityDetector(group_by=_GROUP_BY).fit(panel.columns(0, _LEARNED))
    progress("scoring (3 of 4)")
    _fold(model, panel.columns(_LEARNED, panel.n_times))
    progress("paths of forecasts (4 of 4)")
    SeasonalNaive().fit(panel).extremes(1, "above")


def _isolate(panel: Panel) -> None:
    features = np.array(panel.values)[:, :, None]  # to be written to, which a panel's are not
    isolation(grow(features, n_trees=1, sample_size=2, seed=0), features)


def _fold(model: FittedDetector, recent: Panel) -> None:
    policy = FoldPolicy()
    samples, start = samples_of(recent), start_fold(model, policy)
    fold(model, policy, samples, start, until_milliseconds=recent.end_milliseconds)
