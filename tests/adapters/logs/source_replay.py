"""Random sending, reading and restarting, and what must have come of it."""

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from log_reading import read_to_the_end, texts_of, through_json

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


class Replay:
    """A server with `push`, a reader of it, and how often each line was sent and came.

    Lines are sent up to 20 ms before and after now, or up to 1.6 s late, but not before reading
    began. `n_messages` says how many different ones there are at a time.
    """

    def __init__(self, server: Any, reader: Any, n_messages: int) -> None:
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
        batch = self.reader.source.read(self.reader.cursor)
        self.reader.cursor = through_json(batch.cursor)
        self.came.update(texts_of(batch))

    def lose(self, *_: int) -> None:
        """Read without keeping the cursor, as a process that is killed then."""
        self.reader.source.read(self.reader.cursor)

    def again(self, *_: int) -> None:
        self.reader.again()

    def end(self) -> None:
        """Read what is left, twice, because late lines are asked for once a second."""
        for _ in range(2):
            self.advance(2_000, 0)
            came, self.reader.cursor = read_to_the_end(self.reader.source, self.reader.cursor)
            self.came += came

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
