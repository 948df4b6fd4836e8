"""What the demo watches, what it breaks, and how long each act takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HISTORY_DAYS = 14
HISTORY_STEP_SECONDS = 10
DISK_FULL_AFTER_DAYS = 20
NODE_HISTORY_SAMPLES = 80
HEALTHY_SECONDS = 20
PAGE_SECONDS = 60
FAULTY_SERIES = 'demo_latency_seconds{service="checkout"}'
FAULTY = ("latency", "checkout")
FAULT_FACTOR = 3.0

SIMULATED_SIGNALS: tuple[dict[str, Any], ...] = (
    {
        "name": "latency",
        "query": "demo_latency_seconds",
        "step": "10s",
        "history": "13d",
        "direction": "up",
        "budget": "1/30d",
        "team": "shop",
    },
    {
        "name": "requests",
        "query": "demo_requests_per_second",
        "step": "10s",
        "history": "13d",
        "budget": "1/30d",
        "team": "shop",
    },
    {
        "name": "disk_free",
        "query": "demo_disk_free_bytes",
        "step": "30s",
        "history": "13d",
        "direction": "down",
        "forecast": {"step": "1h", "history": "13d", "horizon": "7d", "limit": {"below": 0}},
    },
)
NODE_SIGNALS: tuple[dict[str, Any], ...] = (
    {
        "name": "node_memory_available",
        "query": "node_memory_MemAvailable_bytes",
        "step": "1s",
        "history": "10m",
    },
    {
        "name": "node_cpu_busy",
        "query": '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5s]))',
        "step": "1s",
        "history": "10m",
        "direction": "up",
    },
)

RECORDING = "demo"
# 2026-10-20: training sees the thirteen days before, and what follows holds the faults.
REPLAY_FROM = 1_792_454_400_000
REPLAY_UNTIL = REPLAY_FROM + 86_100_000
REPLAY_SECONDS = 60.0
RECORDED_SIGNALS: tuple[dict[str, Any], ...] = tuple(
    {"name": name, "query": f"demo_{query}", "step": "5m", "history": "13d", "budget": "1/30d"}
    for name, query in (
        ("latency", "latency_seconds"),
        ("errors", "error_ratio"),
        ("requests", "requests_per_second"),
        ("queue", "queue_length"),
    )
)


@dataclass(frozen=True)
class Places:
    """Where the parts of the demo listen and keep their files."""

    prometheus_url: str
    listen: str
    directory: str


def config_text(places: Places) -> str:
    """Return the `forewarn.yaml` of the demo, as a user would write it."""
    config = {
        "prometheus": {"url": places.prometheus_url},
        "api": {"listen": places.listen},
        "state_directory": f"{places.directory}/state",
        "training": {"tracking_url": f"sqlite:///{places.directory}/mlruns/mlflow.db"},
        "budgets": {"shop": "2/week"},
        "signals": [*SIMULATED_SIGNALS, *NODE_SIGNALS],
    }
    return yaml.safe_dump(config, sort_keys=False)


def recorded_config_text(recording: Path, directory: str) -> str:
    """Return the `forewarn.yaml` of the demo on a recording."""
    config = {
        "files": [str(recording)],
        "state_directory": f"{directory}/state",
        "training": {"tracking_url": f"sqlite:///{directory}/mlruns/mlflow.db"},
        "signals": list(RECORDED_SIGNALS),
    }
    return yaml.safe_dump(config, sort_keys=False)
