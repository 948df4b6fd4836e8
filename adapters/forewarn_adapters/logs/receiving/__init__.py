"""Lines that others send: OTLP and syslog, kept in a journal until they are read."""
