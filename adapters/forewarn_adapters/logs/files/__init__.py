"""Files as a source of lines: cut, followed, and found again."""
