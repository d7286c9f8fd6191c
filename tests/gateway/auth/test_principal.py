"""Tests of principals in the SDK's form."""

from __future__ import annotations

from contextvars import copy_context

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.middleware.bearer_auth import authorization_context

from gateway.auth.principal import set_caller, user
from gateway.caller import Caller, caller


def test_principals_differ_by_client_issuer_and_subject() -> None:
    issuer = "https://issuer.example.com"
    users = [
        user("key:ci", "ci", None, ()),
        user("key:ci", "ci", issuer, ()),
        user("app", "ci", issuer, ()),
        user("app", "ann", issuer, ()),
    ]
    contexts = [authorization_context(one) for one in users]
    assert [context for context in contexts if contexts.count(context) > 1] == []


def test_sdk_sees_the_caller_but_never_its_token() -> None:
    def in_context() -> None:
        set_caller(Caller("key:ci", user=user("key:ci", "ci", None, ["math:*"])))
        token = get_access_token()
        assert token is not None
        assert (caller.get().name, token.client_id, token.scopes, token.token) == ("key:ci", "key:ci", ["math:*"], "")
        set_caller(Caller())
        assert (caller.get().name, get_access_token()) == (None, None)

    copy_context().run(in_context)
