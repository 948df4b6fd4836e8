"""The demo: the product at its best in about two minutes, on real servers or on a recording."""
