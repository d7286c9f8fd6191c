"""Calls whose tool asks for input: the states by which they go on, and those that wait in this process."""
