"""Lines of one instant in two parts."""

import fake_logql
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_adapters.logs.answer_lines import AnswerLines
from forewarn_adapters.logs.batch import LogStream
from forewarn_adapters.logs.loki.splitting import opposite_filters
from forewarn_models.labels import labels_of


def page_of(*lines: tuple[dict[str, str], bytes]) -> AnswerLines:
    labels = list(dict.fromkeys(labels_of(labels) for labels, _ in lines))
    streams = tuple(LogStream(labels=each) for each in labels)
    place = np.array([labels.index(labels_of(each)) for each, _ in lines], np.int64)
    texts = [line for _, line in lines]
    nothing = np.zeros(len(lines), np.int64)
    return AnswerLines(texts, texts, nothing, nothing, nothing.astype(np.int8), place, streams)


def shares(page: AnswerLines) -> list[int]:
    """How many lines pass each of the two filters, as a server reads them."""
    counts = []
    for stages in opposite_filters(page) or ():
        query = fake_logql.parse('{app=~".+"} # a comment' + stages)
        assert query.has_stages
        counts.append(
            sum(
                all(stage(dict(page.streams[place].labels)) for stage in query.label_stages)
                and all(stage(line.decode(errors="replace")) for stage in query.line_stages)
                for place, line in zip(page.stream, page.lines, strict=True)
            )
        )
    return counts


def test_numbered_lines_are_halved():
    page = page_of(*(({"app": "a"}, b"line %d" % number) for number in range(1_000)))
    assert sum(shares(page)) == 1_000
    assert min(shares(page)) > 250


def test_the_same_line_of_many_streams_is_parted_by_labels():
    page = page_of(*(({"app": str(n), "level": "ab"[n % 2]}, b"same") for n in range(100)))
    assert shares(page) == [50, 50]


def test_labels_that_logql_has_no_name_for_are_not_asked_for():
    page = page_of(({"a.b": "1"}, b"same"), ({"a.b": "2"}, b"same"))
    assert opposite_filters(page) is None


def test_lines_that_are_the_same_cannot_be_parted():
    assert opposite_filters(page_of(*[({"app": "a"}, b"same")] * 10)) is None


def test_what_stands_for_bytes_that_are_no_text_is_not_asked_for():
    assert (
        opposite_filters(page_of(({"a": "x"}, b"\xff"), ({"a": "x"}, "\ufffd\ufffd".encode())))
        is None
    )
    assert shares(page_of(({"a": "x"}, b"\xff"), ({"a": "x"}, b"\xffb"))) == [1, 1]


def test_one_long_line_among_others_is_found():
    same = b"word " * 200
    lines = [({"app": "a"}, same)] * 500 + [
        ({"app": "a"}, same + '\u00fc\n"quoted\\\t'.encode() + same)
    ]
    assert sorted(shares(page_of(*lines))) == [1, 500]


@pytest.mark.parametrize("pair", [(b"x" * 50, b"x" * 51), (b"ab" * 50, b"ab" * 49)])
def test_a_line_that_is_part_of_the_other_is_told_by_the_longer(pair):
    assert shares(page_of(*(({"app": "a"}, line) for line in pair))) == [1, 1]


TEXTS = st.lists(
    st.text(st.characters(exclude_characters="\ufffd", exclude_categories=["Cs"]), max_size=8),
    min_size=2,
    max_size=30,
    unique=True,
)


@given(TEXTS)
def test_lines_that_differ_are_always_parted(texts):
    page = page_of(*(({"app": "a"}, text.encode()) for text in texts))
    counts = shares(page)
    assert sum(counts) == len(texts)
    assert min(counts) > 0
