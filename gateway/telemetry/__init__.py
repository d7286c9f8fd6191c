"""What is recorded of calls: log lines, metrics, traces."""
