"""Pure ASGI middleware: what stands in front of a request."""
