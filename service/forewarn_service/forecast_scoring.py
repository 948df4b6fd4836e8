"""Holds forecasts against what came: issues records, settles those that are due, shows the score.

A record is what is forecast, from now, of one exported distance. They are issued as the forecast's
steps go by, at most a hundred in a distance, so that what waits stays bounded. The seasonal naive
forecast beside it is made of the history that the champion learned from. All of it lies in the
store; nothing is lost while the service is down.
"""

import hashlib
import logging
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

import numpy as np
from prometheus_client import Gauge

from forewarn_adapters.clock import Clock
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.forecast_ledger import Asked, ForecastLedger, Record
from forewarn_adapters.source import Source
from forewarn_adapters.store import Store
from forewarn_models.arrays import FloatArray
from forewarn_models.contract import FittedForecaster, Forecast
from forewarn_models.durations import format_duration, milliseconds_of
from forewarn_models.errors import ConfigError, ForewarnError, RegistryError
from forewarn_models.forecast_score import ForecastFigures, ForecastTally, IssuedForecast
from forewarn_models.forecasters.yardstick import naive_twin
from forewarn_models.labels import Labels, label_text
from forewarn_service.champions import Champions
from forewarn_service.live import ForecastSnapshot
from forewarn_service.telemetry import Telemetry
from forewarn_service.timing import timing_of

# Of very many series this many are scored, always the same ones.
MOST_SERIES = 500
MOST_WAITING = 100  # of a distance
_MOST_INSTANTS = 10  # that are read in one go; the others follow seconds later
_WEEK_MILLISECONDS = 7 * 86_400_000
_LOGGED_EVERY_MILLISECONDS = 3_600_000

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Followed:
    """What this process has done for a signal."""

    ledger: ForecastLedger
    version: int = 0
    naive: Forecast | None = None  # of the series that are scored, of the same history
    issued_from_milliseconds: int = 0
    settled_until_milliseconds: int = 0
    logged_milliseconds: int = 0


@dataclass(frozen=True, eq=False)
class ForecastScoring:
    """Keeps the score of the forecasts of all signals; one thread calls it.

    Args:
        store: where forecasts wait for what comes.
        registry: told of the score, for the runs of the champions.
        source: where what came is read.
        retraining: how long a champion serves.
        clock: tells the time.
        telemetry: where the score is shown.
        train: queues a training of a signal; False = it is queued already.
    """

    store: Store
    registry: Champions
    source: Source
    retraining: timedelta
    clock: Clock
    telemetry: Telemetry
    train: Callable[[str], bool]
    _followed: dict[str, _Followed] = field(default_factory=dict)

    def follow(
        self,
        signal: Signal,
        made: ForecastSnapshot,
        model: Callable[[], FittedForecaster],
        *,
        n_steps: int,
    ) -> None:
        """Issue what is forecast now, and score what was forecast of instants that have come.

        What fails is made up for at the next call.

        Args:
            signal: whose forecast it is.
            made: the forecast as seen from now.
            model: returns the one that made it; called once for each version.
            n_steps: how far it was asked to go.
        """
        try:
            self._follow(signal, made, model, n_steps)
        except ForewarnError as failed:
            self.telemetry.failed(failed.reason, signal=signal.name)
            _log.warning("signal %s: its forecasts are not scored: %s", signal.name, failed)

    def _follow(
        self,
        signal: Signal,
        made: ForecastSnapshot,
        model: Callable[[], FittedForecaster],
        n_steps: int,
    ) -> None:
        followed = self._begun(signal, made)
        if followed.version != made.champion_version or followed.naive is None:
            self._take_version(followed, made)
            series = _scored_series(made.forecast.series)
            followed.naive = naive_twin(model(), series).predict(n_steps, ())
        self._issue(followed, made, followed.naive)
        if self._settle(followed, signal, made):
            figures = self._show(followed.ledger)
            self._ask_for_training(followed, made, figures)
            self._tell_registry(followed, made, figures)

    def _begun(self, signal: Signal, made: ForecastSnapshot) -> _Followed:
        if signal.name not in self._followed:
            ledger = ForecastLedger(self.store, signal.name)
            step = made.forecast.step_milliseconds
            mark = hashlib.sha256(f"{signal.query}\n{step}".encode()).hexdigest()
            ledger.begin(mark, [milliseconds_of(horizon) for horizon in made.horizons])
            self._show(ledger)
            self._followed[signal.name] = _Followed(ledger)
        return self._followed[signal.name]

    def _take_version(self, followed: _Followed, made: ForecastSnapshot) -> None:
        """Judge a champion that was asked for by its own forecasts alone."""
        before = followed.ledger.tallies()
        if followed.ledger.replaced(version=made.champion_version):
            for horizon in before:
                name = followed.ledger.signal
                self._show_one(name, _text(horizon), ForecastTally().figures())
        followed.version = made.champion_version

    def _issue(self, followed: _Followed, made: ForecastSnapshot, naive: Forecast) -> None:
        ahead = made.forecast
        first, step = ahead.start_milliseconds, ahead.step_milliseconds
        if followed.issued_from_milliseconds == first:
            return
        place = {labels: row for row, labels in enumerate(ahead.series)}
        rows = np.array([place[labels] for labels in naive.series], dtype=np.int64)
        for number, horizon in enumerate(made.horizons):
            n_steps = milliseconds_of(horizon) // step
            quantiles = made.quantiles[rows, number]
            said = np.isfinite(quantiles).all(axis=1)
            if first // step % -(-n_steps // MOST_WAITING) or not said.any():
                continue
            due = first + (n_steps - 1) * step
            series = tuple(naive.series[row] for row in np.flatnonzero(said).tolist())
            rival = naive.quantiles[said, (due - naive.start_milliseconds) // step, 0]
            issued = IssuedForecast(series, ahead.quantile_levels, quantiles[said], rival)
            followed.ledger.issue(
                Record(milliseconds_of(horizon), due, made.champion_version, issued)
            )
        followed.issued_from_milliseconds = first

    def _values(self, query: str, at: int, series: tuple[Labels, ...], step: int) -> FloatArray:
        """Return the value of each series at an instant; NaN where there is none."""
        found = self.source.read_range(
            query, start_milliseconds=at, end_milliseconds=at, step_milliseconds=step
        )
        by_labels = {
            found.series[row]: value for row, value in zip(found.row, found.value, strict=True)
        }
        return np.array([by_labels.get(labels, np.nan) for labels in series], np.float64)

    def _settle(self, followed: _Followed, signal: Signal, made: ForecastSnapshot) -> bool:
        """Score what is due, as soon as late samples are in; return whether there was any."""
        step, now = made.forecast.step_milliseconds, self.clock()
        until = (now - timing_of(signal.step_milliseconds).lateness) // step * step
        if until <= followed.settled_until_milliseconds:
            return False
        limit = _MOST_INSTANTS * len(made.horizons)
        records = followed.ledger.due(until_milliseconds=until, limit=limit)
        for due, group in groupby(records, key=lambda record: record.due_milliseconds):
            self._settle_instant(followed.ledger, signal, due, tuple(group), step)
        if len(records) < limit:
            followed.settled_until_milliseconds = until
        return bool(records)

    def _settle_instant(
        self,
        ledger: ForecastLedger,
        signal: Signal,
        due: int,
        records: tuple[Record, ...],
        step: int,
    ) -> None:
        every = tuple(dict.fromkeys(each for record in records for each in record.issued.series))
        came = dict(zip(every, self._values(signal.query, due, every, step), strict=True))
        for record in records:
            ledger.settle(record, np.array([came[labels] for labels in record.issued.series]))

    def _show(self, ledger: ForecastLedger) -> Mapping[int, ForecastFigures]:
        """Show the figures, and return them by horizon in milliseconds."""
        figures = {horizon: tally.figures() for horizon, tally in ledger.tallies().items()}
        for horizon, each in figures.items():
            self._show_one(ledger.signal, _text(horizon), each)
        return figures

    def _show_one(self, signal: str, horizon: str, figures: ForecastFigures) -> None:
        shown = self.telemetry
        _set(shown.forecast_outcomes, figures.outcomes, signal, horizon)
        _set(shown.forecast_error_ratio, figures.error_ratio, signal, horizon)
        _set(shown.forecast_bias_ratio, figures.bias_ratio, signal, horizon)
        for share, coverage in figures.coverage.items():
            _set(shown.forecast_coverage_ratio, coverage, signal, horizon, str(share))

    def _ask_for_training(
        self, followed: _Followed, made: ForecastSnapshot, figures: Mapping[int, ForecastFigures]
    ) -> None:
        """Have a champion without skill trained again; not soon again, for that has not helped."""
        lost = [
            f"{_text(at)} ahead {why}" for at, each in figures.items() if (why := each.lost_skill())
        ]
        if not lost:
            return
        ledger, now = followed.ledger, self.clock()
        wait = milliseconds_of(max(self.retraining, 2 * made.horizons[-1]))
        if now - ledger.asked().milliseconds < wait:
            return
        try:
            is_queued = self.train(ledger.signal)
        except (ConfigError, RegistryError) as refused:  # another process trains, or not yet
            _log.warning("signal %s: %s; no training: %s", ledger.signal, lost[0], refused)
            return
        if is_queued:
            ledger.ask(Asked(now, made.champion_version))
            self.store.record(
                "forewarn",
                action="train",
                subject=ledger.signal,
                detail="; ".join(lost),
                now_milliseconds=now,
            )

    def _tell_registry(
        self, followed: _Followed, made: ForecastSnapshot, figures: Mapping[int, ForecastFigures]
    ) -> None:
        now = self.clock()
        if now - followed.logged_milliseconds < _LOGGED_EVERY_MILLISECONDS:
            return
        followed.logged_milliseconds = now
        followed.ledger.drop(before_milliseconds=now - _WEEK_MILLISECONDS)
        self.registry.log_live(
            followed.ledger.signal,
            "forecaster",
            made.champion_version,
            _metrics(figures),
            at_milliseconds=now,
        )


def _set(gauge: Gauge, value: float, *labels: str) -> None:
    """Show a value; what is not known is absent, never NaN."""
    if np.isfinite(value):
        gauge.labels(*labels).set(value)
    else:
        gauge.remove(*labels)


def _metrics(figures: Mapping[int, ForecastFigures]) -> dict[str, float]:
    """Return the figures under the names that MLflow keeps them by."""
    named = {}
    for horizon, each in figures.items():
        text = _text(horizon)
        named[f"live_error_ratio_{text}"] = each.error_ratio
        named[f"live_bias_ratio_{text}"] = each.bias_ratio
        for share, coverage in each.coverage.items():
            named[f"live_coverage_{share * 100:.0f}_ratio_{text}"] = coverage
    return named


def _scored_series(series: tuple[Labels, ...]) -> tuple[Labels, ...]:
    """Return the series that are scored, in their order: those of the smallest check sums.

    A series is chosen by its own labels, so that the choice outlives champions and restarts.
    """
    if len(series) <= MOST_SERIES:
        return series
    sums = np.array([zlib.crc32(label_text(labels).encode()) for labels in series])
    chosen = np.sort(np.argsort(sums, kind="stable")[:MOST_SERIES])
    return tuple(series[row] for row in chosen.tolist())


def _text(horizon_milliseconds: int) -> str:
    return format_duration(timedelta(milliseconds=horizon_milliseconds))
