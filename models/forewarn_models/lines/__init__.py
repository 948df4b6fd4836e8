"""What lines of logs say of themselves, read from their bytes."""
