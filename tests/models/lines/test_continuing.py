"""forewarn_models.lines.continuing"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.lines import layout
from forewarn_models.lines.continuing import continued
from forewarn_models.lines.heads import read_heads
from forewarn_models.lines.severity import ERROR, FATAL

NO_KEYS = np.zeros((0, 3), dtype=np.int64)

# Of each trace, lines that begin something are marked with `*`.
TRACES = {
    "java": """
*2026-11-27 12:00:00.1 [main] ERROR com.Foo - it broke
java.lang.IllegalStateException: no
	at com.Foo.bar(Foo.java:1)
Caused by: java.io.IOException: disk
	... 3 more
Suppressed: java.io.IOException: other
	at com.Foo.bar(Foo.java:1)
*2026-11-27 12:00:00.1 [main] INFO com.Foo - goes on
*java.lang.IllegalStateException: after no error
	at com.Foo.bar(Foo.java:1)""",
    "python": """
*2026-11-27 12:00:00,1 ERROR it broke
Traceback (most recent call last):
  File "x.py", line 1, in <module>
    f()
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "x.py", line 1, in <module>
my.package.Error

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "x.py", line 1, in <module>
ValueError: y
*plain text""",
    "python without a logger": """
*serving
*Traceback (most recent call last):
  File "x.py", line 1, in <module>
KeyError: 'x'
*serving
*Traceback (most recent call last):
  File "x.py", line 1, in <module>
*! not raised
*serving""",
    "go": """
*panic: runtime error: index out of range
[signal SIGSEGV: segmentation violation]

goroutine 1 [running]:
main.main()
	/x/main.go:4 +0x1d
created by main.start
	/x/main.go:2 +0x1
exit status 2
*started again""",
    ".net": """
*2026-11-27 12:00:00.1 [WARN] it broke
System.InvalidOperationException: no
 ---> System.IO.IOException: disk
   at My.Program.Main(String[] args)
   --- End of inner exception stack trace ---
*next""",
    "node": """
*TypeError: x is not a function
    at f (/x/app.js:1:2)
    at Object.<anonymous> (/x/app.js:3:4) {
  code: 'E'
}
*next""",
    "ruby": """
*x.rb:1:in `f': no (RuntimeError)
	from x.rb:2:in `g'
	from x.rb:3:in `<main>'
*next""",
    "through syslog": """
*Nov 27 12:00:00 web app[1]: it broke
Nov 27 12:00:00 web app[1]: 	at com.Foo.bar(Foo.java:1)
Nov 27 12:00:00 web app[1]: #011at com.Foo.bar(Foo.java:1)
*Nov 27 12:00:00 web kernel:   indented, as its table is
*Nov 27 12:00:00 web app[1]: goes on""",
    "blank lines": """
*one

*two""".replace("\n\n", "\n*\n"),
}


def owners(lines: list[str], who: list[int] | None = None) -> tuple[list[int], list[list[int]]]:
    text = "\n".join(lines).encode()
    ends = np.cumsum([len(line.encode()) + 1 for line in lines]) - 1
    places = np.column_stack((ends - [len(line.encode()) for line in lines], ends))
    data = np.frombuffer(text or b"-", dtype=np.uint8)
    heads = read_heads(data, places, layout.AUTO, (0, 0), NO_KEYS)
    group = np.array(who or [0] * len(lines), dtype=np.int64)
    owner = continued(data, heads, group, int(group.max()) + 1 if len(group) else 0)
    return owner.tolist(), heads.tolist()


@pytest.mark.parametrize("name", TRACES)
def test_traces_go_on_with_their_line(name: str) -> None:
    marked = TRACES[name].removeprefix("\n").split("\n")
    expected: list[int] = []
    for number, line in enumerate(marked):
        expected.append(number if line.startswith("*") else expected[-1])
    found, _ = owners([line.removeprefix("*") for line in marked])
    assert found == expected


def test_a_trace_without_a_logger_says_what_was_raised() -> None:
    lines = ["Traceback (most recent call last):", '  File "x.py", line 1', "KeyError: 'x'"]
    found, heads = owners(lines)
    assert found == [0, 0, 0]
    begin, end = heads[0][layout.BEGIN], heads[0][layout.END]
    assert "\n".join(lines)[begin:end] == "KeyError: 'x'"
    assert heads[0][layout.LEVEL] == ERROR


def test_a_panic_is_fatal() -> None:
    assert owners(["panic: no"])[1][0][layout.LEVEL] == FATAL


def test_lines_of_others_do_not_come_between() -> None:
    lines = ["one", "two", "  of one", "  of two", "  of one"]
    assert owners(lines, [0, 1, 0, 1, 0])[0] == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    "line",
    [
        "\tat a.b(C.java:1)",
        "   ... 3 more",
        '  File "x.py", line 1',
        "\tfrom x.rb:1",
        "Caused by: x",
    ],
)
def test_a_trace_at_the_start_belongs_to_a_line_before(line: str) -> None:
    assert owners([line, line])[0] == [-1, -1]
    assert owners([line, "  indented", "next", line])[0] == [-1, -1, 2, 2]


def test_what_is_only_indented_is_not_lost() -> None:
    assert owners(["  a", "  b", "   ", "\tat x"])[0] == [0, 1, -1, -1]


LINES = st.sampled_from(
    [line.removeprefix("*") for trace in TRACES.values() for line in trace.split("\n")]
)


@settings(max_examples=50)
@given(st.lists(st.tuples(LINES, st.integers(0, 2)), max_size=30))
def test_each_line_goes_on_with_one_of_its_group_that_begins(
    lines: list[tuple[str, int]],
) -> None:
    if not lines:
        return
    who = [group for _, group in lines]
    found, _ = owners([line for line, _ in lines], who)
    for number, owner in enumerate(found):
        assert owner == -1 or (owner <= number and found[owner] == owner)
        assert owner == -1 or who[owner] == who[number]
