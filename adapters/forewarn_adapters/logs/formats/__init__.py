"""What lines of each format say: who, when, how severe, what."""
