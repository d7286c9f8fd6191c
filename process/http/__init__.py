"""The HTTP protocol of our own server: framing, bounds and deadlines below the application."""
