"""Write the recording `demo` and its labels: `python simulate.py OUT_DIRECTORY`.

The labels of the simulated faults are printed, to be put into labels.csv.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from forewarn_data.demo_recording import DEMO_FAULTS, demo_panel
from forewarn_data.writers import write_parquet


def instant(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


if __name__ == "__main__":
    write_parquet(demo_panel(), Path(sys.argv[1]) / "demo.parquet")
    for fault in DEMO_FAULTS:
        name = fault.series.replace('"', '""')
        name = f'"{name}"' if '"' in name else name
        start, end = instant(fault.start_milliseconds), instant(fault.end_milliseconds)
        print(f"demo,{start},{end},{fault.kind},{name}")
