"""What a configuration will cost, signal by signal, before anything of it is enabled."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from forewarn.measuring import Cost, cost_of
from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.config.implied import TeamLoad, pages_per_week, team_loads
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.files import FilesSource
from forewarn_adapters.portions import MOST_CELLS
from forewarn_adapters.prometheus_discovery import count_rows
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import ForewarnError
from forewarn_models.groups import groups_of
from forewarn_service.load import forecast_families, read_load
from forewarn_service.outgoing import REPEAT_MILLISECONDS
from forewarn_service.timing import timing_of
from forewarn_training.task import Progress

_HOUR_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Counted:
    """What a query gives now.

    Args:
        n_series: its series; None when that cannot be known.
        n_groups: their groups.
        error: why it cannot be known.
    """

    n_series: int | None
    n_groups: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class SignalPlan:
    """What one signal will cost; what depends on its series is per second, hour or week for all.

    Args:
        series: that it reads.
        groups: that they form.
        series_written: `forewarn_*` series that it writes, episodes and reasons not counted.
        samples_read_per_second: late ones read again included, trainings not.
        samples_written_per_second: a step's verdicts once, forecasts as often as they are said.
        queries_per_minute: of scoring.
        samples_a_query: of all its series, on the average.
        memory_bytes: that the service keeps, and takes while a tick is at work.
        training_bytes: that a training takes while it lasts.
        scoring_seconds_per_hour: of CPU.
        training_seconds_per_hour: of CPU, spread over the time between trainings.
        pages_per_week: that its budget allows.
    """

    series: int
    groups: int
    series_written: int
    samples_read_per_second: float
    samples_written_per_second: float
    queries_per_minute: float
    samples_a_query: float
    memory_bytes: float
    training_bytes: float
    scoring_seconds_per_hour: float
    training_seconds_per_hour: float
    pages_per_week: float


@dataclass(frozen=True, eq=False)
class Plan:
    """What a configuration will cost.

    Args:
        signals: by name, in the order of the file; None where its series are unknown.
        costs: what was measured for each signal.
        counted: what its query gives.
        teams: the false pages that each must expect, of the signals whose series are known.
    """

    signals: Mapping[str, SignalPlan | None]
    costs: Mapping[str, Cost]
    counted: Mapping[str, Counted]
    teams: tuple[TeamLoad, ...]

    @property
    def is_complete(self) -> bool:
        """Whether the series of all signals are known."""
        return None not in self.signals.values()

    def total(self, name: str) -> float:
        """Return the sum of a field over the signals whose series are known."""
        return float(sum(getattr(plan, name) for plan in self.signals.values() if plan is not None))


def plan_of(config: Config, *, progress: Progress) -> Plan:
    """Return what a configuration will cost; signals that cannot be counted are part of it."""
    progress("counting series")
    counted = _counted(config)
    costs = dict(_costs(config, progress))
    every_seconds = config.training.every.total_seconds()
    plans = {
        signal.name: _planned(signal, counted[signal.name], costs[signal.name], every_seconds)
        for signal in config.signals
    }
    rows = {name: plan.series + plan.groups for name, plan in plans.items() if plan is not None}
    unknown = dict.fromkeys(plans.keys() - rows.keys(), 0)
    return Plan(plans, costs, counted, team_loads(config, rows | unknown))


def _costs(config: Config, progress: Progress) -> Iterator[tuple[str, Cost]]:
    """Yield what each signal costs; signals that are alike are measured once."""
    measured: dict[object, Cost] = {}
    for signal in config.signals:
        kind = (signal.step, signal.history, signal.seasons, bool(signal.group_by))
        if kind not in measured:
            progress(f"measuring series like those of {signal.name}")
            measured[kind] = cost_of(signal)
        yield signal.name, measured[kind]


def _counted(config: Config) -> dict[str, Counted]:
    count = _counter(config)

    def counted(signal: Signal) -> Counted:
        try:
            return Counted(*count(signal))
        except ForewarnError as failed:
            return Counted(None, error=str(failed))

    concurrency = config.prometheus.concurrency if config.prometheus else 1
    with ThreadPoolExecutor(concurrency) as workers:
        answers = workers.map(counted, config.signals)
        return {signal.name: each for signal, each in zip(config.signals, answers, strict=True)}


def _counter(config: Config) -> Callable[[Signal], tuple[int, int]]:
    """Return how series and groups are counted: asked of the server, or looked up in the files."""
    now = now_milliseconds()
    server = config.prometheus
    if server is not None:
        return lambda signal: count_rows(
            server, signal.query, group_by=signal.group_by, now_milliseconds=now
        )
    source = FilesSource(config.files)

    def count(signal: Signal) -> tuple[int, int]:
        samples = source.read_newest(
            signal.query,
            after_milliseconds=0,
            until_milliseconds=now,
            step_milliseconds=signal.step_milliseconds,
        )
        return len(samples.series), len(groups_of(samples.series, signal.group_by).labels)

    return count


def _planned(
    signal: Signal, counted: Counted, cost: Cost, every_seconds: float
) -> SignalPlan | None:
    series, groups = counted.n_series, counted.n_groups
    if series is None:
        return None
    load = read_load(signal.step_milliseconds)
    step_seconds = signal.step.total_seconds()
    timing = timing_of(signal.step_milliseconds)
    at_once = MOST_CELLS * timing.step // timing.window  # more are read in portions
    samples_a_query = load.samples_a_query * series
    written = cost.families * series + cost.group_families * groups
    of_forecasts = forecast_families(signal.forecast) * series
    history = series * (milliseconds_of(signal.history) // signal.step_milliseconds)
    tick_seconds = (cost.tick_seconds + cost.tick_seconds_a_series * series) if series else 0.0
    return SignalPlan(
        series=series,
        groups=groups,
        series_written=written + of_forecasts,
        samples_read_per_second=samples_a_query * load.queries_per_minute / 60.0,
        samples_written_per_second=written / step_seconds
        + of_forecasts * 1_000.0 / REPEAT_MILLISECONDS,
        queries_per_minute=load.queries_per_minute,
        samples_a_query=samples_a_query,
        memory_bytes=cost.kept_bytes * series + cost.working_bytes * min(series, at_once),
        training_bytes=cost.learning_bytes * history,
        scoring_seconds_per_hour=tick_seconds * _HOUR_SECONDS / step_seconds,
        training_seconds_per_hour=cost.learning_seconds * history * _HOUR_SECONDS / every_seconds,
        pages_per_week=pages_per_week(signal.budget) * (series + groups),
    )
