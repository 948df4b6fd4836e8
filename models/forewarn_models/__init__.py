"""Pure maths on panels of time series: no I/O, no clock, no globals."""
