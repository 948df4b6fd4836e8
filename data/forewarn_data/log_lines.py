"""Lines as services of many kinds write them: text, `key=value` and JSON, about 130 bytes each.

Each line comes of one of a fixed number of statements, as a program's log statements are; which one
follows a power law, as in life: a few say nearly everything. Values are random: addresses,
identifiers, durations, sizes, names of accounts.
"""

import json
from collections.abc import Callable

import numpy as np

_VERBS = [
    "opened",
    "closed",
    "rejected",
    "delayed",
    "flushed",
    "copied",
    "renewed",
    "expired",
    "verified",
    "queued",
]
_THINGS = [
    "ledger",
    "invoice",
    "voucher",
    "parcel",
    "basket",
    "mailbox",
    "quota",
    "tenant",
    "replica",
    "shard",
]
_PLACES = [
    "Lisbon",
    "Oslo",
    "Vienna",
    "Prague",
    "Athens",
    "Dublin",
    "Warsaw",
    "Riga",
    "Madrid",
    "Rome",
]
_SERVICES = ["orders", "billing", "stock", "parcels", "mail", "search"]
_LEVELS = ["INFO", "INFO", "INFO", "INFO", "WARN", "ERROR"]
_ACCOUNTS = [
    "ana",
    "bruno",
    "carla",
    "dmitri",
    "elena",
    "farid",
    "greta",
    "hugo",
    "irene",
    "jonas",
    "karin",
    "luis",
    "marta",
    "nils",
]
_EPOCH_MILLISECONDS = 1_772_000_000_000
_POWER = 1.1  # of the law by which statements follow one another


def log_lines(n_lines: int, *, n_statements: int = 400, seed: int = 0) -> list[str]:
    """Return lines in order of time; the same seed gives the same lines.

    The first of n statements are the same for any larger number of them.
    """
    generator = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, n_statements + 1) ** _POWER
    chosen = generator.choice(n_statements, size=n_lines, p=weights / weights.sum())
    numbers = generator.integers(0, 2**32, size=(n_lines, 6), dtype=np.int64).tolist()
    return [
        _line(statement, line, values)
        for line, (statement, values) in enumerate(zip(chosen.tolist(), numbers, strict=True))
    ]


def _line(statement: int, line: int, values: list[int]) -> str:
    moment = np.datetime64(_EPOCH_MILLISECONDS + 3 * line, "ms")
    level = _LEVELS[values[0] % len(_LEVELS)]
    write = _FORMS[statement % len(_FORMS)]
    return write(f"{moment}Z", level, _message(statement, values), values)


def _message(statement: int, values: list[int]) -> str:
    """Return what a statement says: words that are its own, and values."""
    verb, thing = _VERBS[statement % 10], _THINGS[statement // 10 % 10]
    place = _PLACES[statement // 100 % 10]
    account, address = _ACCOUNTS[values[1] % 14], _address(values[2])
    endings = (
        f"for user {account} from {address} port {values[3] % 60_000}",
        f"in {values[3] % 90_000 / 100:.2f}ms, {values[4] % 512} items left",
        f"after /srv/data/{values[3]:08x}/part-{values[4] % 100:05d} of {values[5]} bytes",
        f"by worker-{values[3] % 64} holding lease {_identifier(values)}",
    )
    return f"{thing} {verb} in {place} {endings[statement % 4]}"


def _address(value: int) -> str:
    return f"10.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def _identifier(values: list[int]) -> str:
    first, second, third, fourth = values[2:6]
    return (
        f"{first:08x}-{second >> 16:04x}-4{second & 0xFFF:03x}-a{third & 0xFFF:03x}-{fourth:012x}"
    )


def _text(moment: str, level: str, message: str, values: list[int]) -> str:
    service = _SERVICES[values[5] % 6]
    return f"{moment} {level} [{service}-{values[4] % 9}] {message}, request {values[2]:08x}"


def _keyed(moment: str, level: str, message: str, values: list[int]) -> str:
    return (
        f'time={moment} level={level.lower()} service={_SERVICES[values[5] % 6]} msg="{message}" '
        f"elapsed={values[3] % 9000}ms"
    )


def _json(moment: str, level: str, message: str, values: list[int]) -> str:
    fields = {"time": moment, "level": level.lower(), "service": _SERVICES[values[5] % 6]}
    return json.dumps({**fields, "message": message, "size": values[4]}, separators=(",", ":"))


_FORMS: tuple[Callable[[str, str, str, list[int]], str], ...] = (_text, _text, _keyed, _json, _text)
