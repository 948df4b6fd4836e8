"""Servers that are asked for windows of time, each line once."""
