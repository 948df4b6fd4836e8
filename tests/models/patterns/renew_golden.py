"""Renew the golden patterns: only when their names are meant to change, which breaks series.

python tests/models/patterns/renew_golden.py, from the project's folder, with tests in PYTHONPATH.
"""

from pathlib import Path

from forewarn_data.log_lines import log_lines
from forewarn_models.artefact import to_bytes
from models.patterns.test_miner import GOLDEN, N_GOLDEN_LINES, mined, rows_of

if __name__ == "__main__":  # doctest imports it
    miner = mined(log_lines(N_GOLDEN_LINES))
    Path(GOLDEN / "log_patterns_v1.csv").write_text(rows_of(miner))
    Path(GOLDEN / "log_patterns_v1.zip").write_bytes(to_bytes(miner.state()))
