"""The circuit breaker."""

import threading
import time

import pytest

from forewarn_adapters.circuit import Circuit
from forewarn_models.errors import SourceRejected, SourceTimeout, SourceUnavailable


def fail(circuit: Circuit, failure: BaseException) -> None:
    with pytest.raises(type(failure)), circuit.guard():
        raise failure


def open_circuit(*, pause_seconds: float = 60.0) -> Circuit:
    circuit = Circuit("http://far", failures=2, pause_seconds=pause_seconds)
    fail(circuit, SourceTimeout("slow"))
    fail(circuit, SourceUnavailable("down"))
    return circuit


def test_after_too_many_failures_in_a_row_nothing_is_let_through():
    circuit = open_circuit()
    with pytest.raises(SourceUnavailable) as refusal, circuit.guard():
        pytest.fail("the block must not run")
    assert str(refusal.value) == (
        "http://far is left alone for 60 s at a time because it failed 2 times in a row"
    )


def test_a_success_starts_the_count_again():
    circuit = Circuit("far", failures=2)
    for _ in range(3):
        fail(circuit, SourceUnavailable("down"))
        with circuit.guard():
            pass


def test_a_refused_query_says_that_the_server_is_well():
    circuit = Circuit("far", failures=2)
    for _ in range(5):
        fail(circuit, SourceRejected("no"))


def test_an_exception_of_another_kind_does_not_count():
    circuit = Circuit("far", failures=2)
    for _ in range(5):
        fail(circuit, KeyboardInterrupt())


def test_after_the_pause_a_success_closes_it():
    circuit = open_circuit(pause_seconds=0.01)
    time.sleep(0.02)
    with circuit.guard():
        pass
    fail(circuit, SourceUnavailable("down"))
    with circuit.guard():
        pass


def test_after_the_pause_one_failure_opens_it_again():
    circuit = open_circuit(pause_seconds=0.3)
    time.sleep(0.31)
    fail(circuit, SourceTimeout("slow"))
    with pytest.raises(SourceUnavailable, match="left alone"), circuit.guard():
        pass


def test_refusals_do_not_pile_up_in_memory():
    circuit = open_circuit()
    for _ in range(50):
        with pytest.raises(SourceUnavailable) as refusal, circuit.guard():
            pass
    depth, traceback = 0, refusal.value.__context__.__traceback__
    while traceback:
        depth, traceback = depth + 1, traceback.tb_next
    assert depth <= 4


def test_threads_may_share_it():
    circuit = Circuit("far", failures=1000)
    errors = []

    def work() -> None:
        for turn in range(200):
            try:
                with circuit.guard():
                    if turn % 2:
                        raise SourceUnavailable("down")  # noqa: TRY301  the block under test
            except SourceUnavailable:
                continue
            except BaseException as unexpected:
                errors.append(unexpected)
                raise

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
