"""The configuration `forewarn.yaml`: its schema, and reading it strictly."""
