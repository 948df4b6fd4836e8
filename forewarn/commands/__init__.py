"""One module for each command; each imports what it uses when it runs, so that help is instant."""
