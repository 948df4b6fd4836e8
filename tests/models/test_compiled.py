"""forewarn_models.compiled: where what is compiled is kept."""

from pathlib import Path

from forewarn_models.compiled import folder_of_compiled


def test_a_change_in_any_file_leads_to_another_folder(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "a.py").write_text("A = 1\n")
    (inner / "b.py").write_text("B = 1\n")
    before = folder_of_compiled(tmp_path)
    assert folder_of_compiled(tmp_path) == before
    (inner / "b.py").write_text("B = 2\n")
    assert folder_of_compiled(tmp_path) != before
