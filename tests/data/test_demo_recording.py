import numpy as np
import pyarrow.parquet

from forewarn_data.demo_recording import DEMO_FAULTS, LAST_DAY_MILLISECONDS, demo_panel
from forewarn_data.recordings import FaultLabel, labels, recording_path
from forewarn_data.writers import long_table


def test_the_shipped_file_is_what_the_generator_makes() -> None:
    shipped = pyarrow.parquet.read_table(recording_path("demo"))
    made = long_table(demo_panel())
    assert shipped["series"].to_pylist() == made["series"].to_pylist()
    assert shipped["timestamp"].to_pylist() == made["timestamp"].to_pylist()
    # Processors differ in the last place of a logarithm, and a value can lie on an edge.
    np.testing.assert_allclose(
        shipped["value"].to_numpy(), made["value"].to_numpy(), rtol=1e-3, atol=1e-12
    )


def test_its_labels_are_its_faults_and_all_lie_on_the_last_day() -> None:
    expected = tuple(
        FaultLabel(
            "demo", fault.start_milliseconds, fault.end_milliseconds, fault.kind, fault.series
        )
        for fault in DEMO_FAULTS
    )
    assert expected == labels("demo")
    assert min(fault.start_milliseconds for fault in DEMO_FAULTS) >= LAST_DAY_MILLISECONDS
