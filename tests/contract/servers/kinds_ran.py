"""Records each run of a tool, so that a test sees a call that ran twice or never."""

RAN: list[str] = []


def ran(tool: str) -> None:
    RAN.append(tool)


async def ran_since() -> list[str]:
    """Returns the tools that ran since the last call of this function, in order."""
    names = [*RAN]
    RAN.clear()
    return names
