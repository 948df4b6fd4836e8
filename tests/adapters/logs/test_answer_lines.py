"""Lines of answers, put together and told from each other."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forewarn_adapters.logs.answer_lines import NO_LINES, AnswerLines, hash_of, together
from forewarn_adapters.logs.batch import LogStream, joined

STREAMS = tuple(LogStream(labels=(("app", name),)) for name in "abc")
rows = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from("abc"), st.text(max_size=3)), max_size=12
)


def lines_of(rows, n_streams=3):
    streams = STREAMS[::-1][-n_streams:]
    texts = [text.encode() for _, _, text in rows]
    return AnswerLines(
        texts,
        texts,
        np.array([hash_of(app) for _, app, _ in rows], dtype=np.int64),
        np.array([at for at, _, _ in rows], dtype=np.int64),
        np.zeros(len(rows), dtype=np.int8),
        np.array([2 - "abc".index(app) for _, app, _ in rows], dtype=np.int64),
        streams,
    )


def rows_of(lines):
    return [
        (at, lines.streams[stream].labels[0][1], text.decode())
        for at, stream, text in zip(
            lines.timestamp_nanoseconds.tolist(), lines.stream.tolist(), lines.lines, strict=True
        )
    ]


@given(parts=st.lists(rows, min_size=1, max_size=4))
def test_lines_of_several_answers_are_in_order_of_time(parts):
    whole = together([NO_LINES, *map(lines_of, parts)])
    expected = sorted((row for part in parts for row in part), key=lambda row: row[0])
    assert rows_of(whole) == expected
    assert len(set(whole.streams)) == len(whole.streams)


@given(rows=rows)
def test_equal_lines_and_only_those_have_equal_identities(rows):
    identity = lines_of(rows).identity().tolist()
    assert len(set(identity)) == len(set(rows))
    backwards = zip(reversed(rows), reversed(identity), strict=True)
    assert dict(zip(rows, identity, strict=True)) == dict(backwards)


def test_identities_are_the_same_on_every_machine():
    assert lines_of([(5, "a", "hi"), (5, "b", "hi")]).identity().tolist() == [
        149_516_181_114_809,
        181_334_139_516_413,
    ]


@given(texts=st.lists(st.binary(max_size=5), max_size=9))
def test_texts_are_joined(texts):
    data, places = joined(texts)
    assert [data[begin:end] for begin, end in places.tolist()] == texts


def test_lines_can_be_chosen():
    lines = lines_of([(1, "a", "x"), (2, "b", "y"), (3, "a", "z")])
    assert rows_of(lines.where(np.array([True, False, True]))) == [(1, "a", "x"), (3, "a", "z")]
    assert lines.where(np.array([True, False, False])).streams == (STREAMS[0],)
    assert rows_of(lines.at(np.array([2, 0]))) == [(3, "a", "z"), (1, "a", "x")]
    assert lines.where(np.ones(3, dtype=np.bool_)) is lines
    batch = lines.batch({"a": 1})
    assert (batch.n_lines, batch.cursor, batch.streams) == (3, {"a": 1}, lines.streams)
    assert Counter(batch.timestamp_nanoseconds.tolist()) == Counter([1, 2, 3])
