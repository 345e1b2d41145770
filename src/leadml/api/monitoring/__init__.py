"""What the service tells those who run it: metrics and log lines."""
