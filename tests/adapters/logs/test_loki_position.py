"""Positions in a Loki, and as cursors."""

from dataclasses import replace

import numpy as np
import orjson
import pytest

from forewarn_adapters.logs.loki.position import (
    Region,
    beginning,
    cursor_of,
    position_of,
    with_again,
    with_new,
    without_forgotten,
)
from forewarn_adapters.logs.loki.remembered import Remembered
from forewarn_models.errors import SourceRejected

TIME = 1_795_416_300_123_456_789


def test_a_position_comes_back_from_json():
    position = with_new(beginning(TIME), TIME + 5)
    memory = position.remembered.with_lines(np.array([TIME]), np.array([7]))
    cursor = cursor_of(with_again(position, TIME + 9))
    again = position_of(orjson.loads(orjson.dumps(cursor)))
    assert cursor_of(again) == cursor
    assert again.pending == (Region(TIME, TIME + 5),)
    assert again.unread == TIME
    assert memory.n_lines == 1


def test_only_what_is_remembered_is_read_again():
    position = replace(beginning(TIME), until=TIME + 100)
    assert with_again(position, TIME).again == (Region(TIME, TIME + 100),)
    again = (Region(TIME, TIME + 10, "x"), Region(TIME + 10, TIME + 90, "y"))
    forgotten = replace(position, again=again, remembered=Remembered(TIME + 20))
    assert without_forgotten(forgotten).again == (Region(TIME + 20, TIME + 90, "y"),)


def test_nothing_unread_means_all_was_read_until_then():
    assert beginning(TIME).unread == TIME


@pytest.mark.parametrize(
    "changed",
    [
        {"format": "files/1"},
        {"until": "soon"},
        {"pending": [[1, 2]]},
        {"again": None},
        {"remembered": {}},
        {"remembered": {"since": 1, "blocks": [[1, 2, "%"]]}},
    ],
    ids=str,
)
def test_a_cursor_of_another_form_is_refused(changed):
    cursor = {**cursor_of(beginning(TIME)), **changed}
    with pytest.raises(SourceRejected, match="must be one that this source gave"):
        position_of(cursor)
