"""What tests of several sources of lines share."""

import pytest

from forewarn_adapters import http


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a request that failed be made again at once."""
    monkeypatch.setattr(http, "_LONGEST_BACKOFF_SECONDS", 0.0)
