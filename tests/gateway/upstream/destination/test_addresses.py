"""Addresses that are public, and texts that stand for an address."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from gateway.upstream.destination.addresses import is_public, literal
from gateway.upstream.destination.destinations import Destinations


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001::1"])
def test_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", ["fe80::1%1", "2002:102:304::", "64:ff9b::1.1.1.1", "::ffff:1.1.1.1", "3fff::1"])
def test_address_that_stands_for_another_one_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["127.1", "0x7f.1", "2130706433", "0177.1", "127.0.0.1.", "a.localhost", "localhost."])
def test_text_that_resolvers_read_as_loopback_is_that_address(text: str) -> None:
    assert str(literal(text)) == "127.0.0.1"


@pytest.mark.parametrize("text", ["example.com", "1.example", "", ".", "0x", "1.2.3.4.5"])
def test_name_is_no_address(text: str) -> None:
    assert literal(text) is None


def test_networks_are_allowed_besides_the_internet() -> None:
    destinations = Destinations([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])
    allowed = [
        destinations.allows(ip_address(text)) for text in ("10.1.2.3", "fd00::1", "1.1.1.1", "192.168.0.1", "::1")
    ]
    assert allowed == [True, True, True, False, False]
    assert not destinations.refuses_literal("example.com")
