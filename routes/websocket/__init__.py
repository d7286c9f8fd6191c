"""Many calls at once on one WebSocket connection."""
