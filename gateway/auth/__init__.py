"""Authentication and authorization: API keys, access tokens, scopes."""
