"""Which tools ran: a call that happened twice, or not at all, is seen here."""

RAN: list[str] = []


def ran(tool: str) -> None:
    RAN.append(tool)


async def ran_since() -> list[str]:
    """The tools that ran since this was last asked, in their order."""
    names = [*RAN]
    RAN.clear()
    return names
