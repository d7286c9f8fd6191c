"""GraphQL over HTTP, as event streams and over WebSockets."""
