"""The credentials of requests to an upstream: files of headers and tokens, and tokens of an authorization server."""
