"""A training in a process of its own: scoring beside it is not slowed, its memory is given back."""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.registry import Registry
from forewarn_adapters.source import open_source
from forewarn_models.errors import ForewarnError
from forewarn_training.job import train_signal
from forewarn_training.outcome import ModelOutcome, TrainingOutcome

_NICE = 10  # training may wait, scoring may not


def train_configured(
    config: Config, name: str, *, directory: Path, now_milliseconds: int
) -> TrainingOutcome:
    """Return what came of training the signal `name` of `config`, with its own connections.

    `directory` is where a relative path of the registry starts.
    """
    signal = _signal(config, name)
    try:
        source = open_source(config)
    except ForewarnError as failed:
        return failed_outcome(name, why=str(failed), reason=failed.reason)
    try:
        return train_signal(
            signal,
            source=source,
            registry=Registry(config.training.tracking_url, directory=directory),
            now_milliseconds=now_milliseconds,
        )
    finally:
        source.close()


def train_apart(
    config: Config,
    name: str,
    *,
    directory: Path,
    now_milliseconds: int,
    started: Callable[[BaseProcess], None] = lambda _process: None,
) -> TrainingOutcome:
    """Return what `train_configured` returns, from a process that ends with it.

    A process that is killed is a failed training; the champion stays as it was.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_child,
        args=(theirs, config, name, directory, now_milliseconds),
        name=f"forewarn-train-{name}",
        daemon=True,
    )
    with ours:
        process.start()
        theirs.close()
        started(process)
        try:
            outcome = ours.recv()
        except EOFError:
            process.join()
            why = f"the training process ended with code {process.exitcode}: out of memory?"
            return failed_outcome(name, why=why, reason="killed")
    process.join()
    return outcome if isinstance(outcome, TrainingOutcome) else failed_outcome(name)


def failed_outcome(
    name: str, *, why: str = "it gave no outcome", reason: str = "internal"
) -> TrainingOutcome:
    """Return the outcome of a training that did not come to train anything."""
    return TrainingOutcome(name, (ModelOutcome("detector", "failed", why, reason=reason),))


def _child(
    answer: Connection, config: Config, name: str, directory: Path, now_milliseconds: int
) -> None:
    os.nice(_NICE)
    with answer:
        answer.send(
            train_configured(config, name, directory=directory, now_milliseconds=now_milliseconds)
        )


def _signal(config: Config, name: str) -> Signal:
    return next(signal for signal in config.signals if signal.name == name)
