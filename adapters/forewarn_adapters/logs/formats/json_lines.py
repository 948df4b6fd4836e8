"""Lines that are JSON: what each record says, each parsed once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from forewarn_adapters.logs.formats.json_keys import Path, Plan, Record, plan_of, value_at
from forewarn_adapters.logs.levels import level_of
from forewarn_models.arrays import IntegerArray
from forewarn_models.lines.severity import DEBUG, ERROR, FATAL, INFO, OF_SYSLOG, TRACE, WARN

# Longer ones are mined as they are: nobody's records are so long, and each takes memory at once.
MOST_BYTES = 1 << 18
_MOST_PLANS = 1_000
_MESSAGE, _LEVEL, _TIME, _HOST = range(4)
_MOST_TIME_CHARACTERS = 64
_TIMES = (str, int, float)
_NANOSECONDS, _LARGEST = 1_000_000_000, (1 << 63) - 1
# Of pino and bunyan; Python's `levelno` is the same from 20 on.
_OF_TENS = {10: TRACE, 20: DEBUG, 30: INFO, 40: WARN, 50: ERROR, 60: FATAL}
_OF_PYTHON = {5: TRACE, 10: DEBUG, 20: INFO, 30: WARN, 40: ERROR, 50: FATAL}


@dataclass(slots=True)
class JsonFound:
    """What records say, in columns; a row is appended for each record that is one.

    Args:
        rows: of the lines that are records.
        messages: what is mined; None where the whole line is.
        levels: places in `LEVELS`, 0 = unknown.
        nanoseconds: since 1970, 0 = unknown, or said in `times`.
        times: as text, empty where there is none.
        services: names, empty where there is none.
        ranks: of those names.
        hosts: names, empty where there is none.
        containers: of those rows, the ones that hold a line of a container.
        broken: rows of lines that are no records.
    """

    rows: list[int] = field(default_factory=list)
    messages: list[bytes | None] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    nanoseconds: list[int] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    containers: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)


def read_json(
    data: bytes, rows: IntegerArray, places: IntegerArray, service_labels: tuple[str, ...]
) -> JsonFound:
    """Return what JSON lines say.

    Args:
        data: bytes.
        rows: (n,) numbers of the lines, for the answer.
        places: (n, 2) where each lies in `data`.
        service_labels: the keys that name the service, the first that is there.
    """
    found = JsonFound()
    plans: dict[tuple[str, ...], Plan] = {}
    for row, record in zip(rows.tolist(), _records(data, places), strict=True):
        if record is None:
            found.broken.append(row)
            continue
        keys = tuple(record)
        plan = plans.get(keys)
        if plan is None:
            if len(plans) >= _MOST_PLANS:
                plans.clear()
            plan = plans[keys] = plan_of(keys, service_labels)
        found.rows.append(row)
        _note(found, record, plan)
    return found


def _records(data: bytes, places: IntegerArray) -> Iterator[Record | None]:
    view, loads = memoryview(data), orjson.loads
    for begin, end in zip(places[:, 0].tolist(), places[:, 1].tolist(), strict=True):
        try:
            record = loads(view[begin:end]) if end - begin <= MOST_BYTES else None
        except orjson.JSONDecodeError:
            record = None
        yield record if type(record) is dict else None


def _note(found: JsonFound, record: Record, plan: Plan) -> None:
    """Append what one record says."""
    get = record.get
    message, level, time, host = get(plan.message), get(plan.level), get(plan.time), get(plan.host)
    if type(message) is not str:
        message = _deep_text(record, plan.deep[_MESSAGE])
    if plan.is_container and type(record["log"]) is str:
        message = record["log"]
        found.containers.append(len(found.messages))
    found.messages.append(None if message is None else message.encode())
    known = level_of(level) if type(level) is str else 0
    if not known and plan.deep[_LEVEL]:
        known = _deep_level(record, plan)
    found.levels.append(known)
    if type(time) not in _TIMES:
        time = _deep_time(record, plan.deep[_TIME])
    text = time if type(time) is str and len(time) < _MOST_TIME_CHARACTERS else ""
    found.times.append(text)
    found.nanoseconds.append(0 if text or time is None else nanoseconds_of(time))
    if type(host) is not str:
        host = _deep_text(record, plan.deep[_HOST]) or ""
    found.hosts.append(host)
    name, rank = _service(record, plan) if plan.service else ("", 0)
    found.services.append(name)
    found.ranks.append(rank)


def nanoseconds_of(number: Any) -> int:
    """Return the time of a number since 1970 in seconds, or finer units by its size; 0 = none.

    >>> nanoseconds_of(1_700_000_000.5) == nanoseconds_of(1_700_000_000_500)
    True
    """
    if type(number) not in (int, float):
        return 0
    for limit, unit in ((1e11, _NANOSECONDS), (1e14, 1_000_000), (1e17, 1_000), (7e18, 1)):
        if number < limit:
            nanoseconds = int(number * unit) if number > 1e8 else 0
            return nanoseconds if nanoseconds <= _LARGEST else 0
    return 0


def level_of_number(number: float, key: str) -> int:
    """Return the place in `LEVELS` of a level that is a number under such a key.

    Multiples of ten are pino's or Python's, smaller numbers syslog's.
    """
    if key == "levelno":
        return _OF_PYTHON.get(int(number), 0)
    if number in _OF_TENS:
        return _OF_TENS[int(number)]
    return int(OF_SYSLOG[int(number)]) if 0 <= number <= 7 else 0


def _deep_text(record: Record, paths: tuple[Path, ...]) -> str | None:
    for path in paths:
        value = value_at(record, path)
        if type(value) is str and value:
            return value
    return None


def _deep_time(record: Record, paths: tuple[Path, ...]) -> Any:
    for path in paths:
        value = value_at(record, path)
        if type(value) in _TIMES:
            return value
    return None


def _deep_level(record: Record, plan: Plan) -> int:
    for path in plan.deep[_LEVEL]:
        value = value_at(record, path)
        if type(value) is str:
            is_digit = len(value) == 1 and value.isdecimal()  # journald's
            level = level_of_number(int(value), path[0]) if is_digit else level_of(value)
        else:
            level = level_of_number(value, path[0]) if type(value) in (int, float) else 0
        if level:
            return level
    return 0


def _service(record: Record, plan: Plan) -> tuple[str, int]:
    for key, rest, rank in plan.service:
        value = record[key]
        if rest and type(value) is dict:
            value = value_at(value, rest)
        elif rest:
            continue
        if type(value) is str and value:
            return value, rank
    return "", 0
