"""Random sending, reading and restarting, and what must have come of it."""

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from log_reading import read_to_the_end, texts_of, through_json

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.logs.batch import Cursor, LogBatch

NOW = 1_795_416_300_000
MILLISECOND = 1_000_000

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(0, 40), st.integers(1, 40)),
        st.tuples(st.just("late"), st.integers(0, 40), st.integers(1, 12)),
        st.tuples(st.just("advance"), st.integers(1, 3_000), st.just(0)),
        st.tuples(st.sampled_from(["read", "lose", "again"]), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=40,
)


class Reader:
    """A source with a clock that stands still, and the cursor that it has come to."""

    def __init__(self, kind: Any, settings: Any) -> None:
        self.clock = ManualClock(NOW)
        self._kind, self._settings = kind, settings
        self.source = kind("test", settings, clock=self.clock)
        self.cursor: Cursor = self.source.read(None).cursor

    def advance(self, seconds: float) -> None:
        self.clock.advance(milliseconds=round(seconds * 1000))

    def next(self) -> LogBatch:
        batch: LogBatch = self.source.read(self.cursor)
        self.cursor = through_json(batch.cursor)
        return batch

    def rest(self, reads: int = 1) -> Counter[bytes]:
        """Read until nothing comes, so many times."""
        counts: Counter[bytes] = Counter()
        for _ in range(reads):
            came, self.cursor = read_to_the_end(self.source, self.cursor)
            counts += came
        return counts

    def again(self) -> None:
        """Begin with another object, as another process would."""
        self.source.close()
        self.source = self._kind("test", self._settings, clock=self.clock)


def at(seconds: float) -> int:
    """Return a time after reading began, in nanoseconds."""
    return NOW * MILLISECOND + round(seconds * 1000) * MILLISECOND


def numbered(first: int, last: int, when: float) -> list[tuple[int, str]]:
    return [(at(when), f"line {number}") for number in range(first, last)]


def once(first: int, last: int) -> Counter[bytes]:
    return Counter(f"line {number}".encode() for number in range(first, last))


class Replay:
    """A server with `push`, a reader of it, and how often each line was sent and came.

    Lines are sent up to 20 ms before and after now, or up to 1.6 s late, but not before reading
    began. `n_messages` says how many different ones there are at a time.
    """

    def __init__(self, server: Any, reader: Reader, n_messages: int) -> None:
        self.server = server
        self.reader = reader
        self.sent: Counter[bytes] = Counter()
        self.came: Counter[bytes] = Counter()
        self._n_messages = n_messages
        self._began = reader.clock.milliseconds
        self._n_sent = 0

    def push(self, place: int, count: int) -> None:
        self._push_at(self.reader.clock.milliseconds + place - 20, count)

    def late(self, place: int, count: int) -> None:
        self._push_at(max(self.reader.clock.milliseconds - 40 * place, self._began), count)

    def advance(self, milliseconds: int, _: int) -> None:
        self.reader.clock.advance(milliseconds=milliseconds)

    def read(self, *_: int) -> None:
        self.came.update(texts_of(self.reader.next()))

    def lose(self, *_: int) -> None:
        """Read without keeping the cursor, as a process that is killed then."""
        self.reader.source.read(self.reader.cursor)

    def again(self, *_: int) -> None:
        self.reader.again()

    def end(self) -> None:
        """Read what is left, twice, because late lines are asked for once a second."""
        for _ in range(2):
            self.reader.advance(2)
            self.came += self.reader.rest()

    def _push_at(self, milliseconds: int, count: int) -> None:
        lines = [
            (
                milliseconds * MILLISECOND,
                f"{milliseconds} {(self._n_sent + number) % self._n_messages}",
            )
            for number in range(count)
        ]
        self._n_sent += count
        self.server.push(lines)
        self.sent.update(text.encode() for _, text in lines)
