"""Calls on upstream servers: the ways in, and what a server may ask and say in the middle of one."""
