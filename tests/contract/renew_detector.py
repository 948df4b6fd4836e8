"""Write the golden model and its scores anew, after its format has changed: python FILE."""

import numpy as np

from forewarn_models.artefact import to_bytes
from forewarn_models.detector import FORMAT_VERSION, KIND, RarityDetector


def renew() -> None:
    from test_detectors import ARRAYS, GOLDEN, LIVE, N, every

    whole = every(N + LIVE)
    model = RarityDetector(group_by=("half",), siblings=("half",)).fit(whole.columns(0, N))
    recent = whole.columns(N, N + LIVE)
    scores, _ = model.score(recent, model.initial_carry())
    stem = f"{KIND}_v{FORMAT_VERSION}"
    (GOLDEN / f"{stem}.zip").write_bytes(to_bytes(model.state()))
    arrays = {name: getattr(scores, name) for name in ARRAYS}
    np.savez_compressed(GOLDEN / f"{stem}_scores.npz", values=recent.values, **arrays)


if __name__ == "__main__":
    renew()
