"""Tools that ask their caller for input before they return."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from kinds_ran import ran
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult
from pydantic import BaseModel, Field

SCHEMA = {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}}, "required": ["size"]}


class Choice(BaseModel):
    size: int = Field(ge=1)
    colour: Literal["red", "blue"] = "red"


async def asks_in_its_body(dish: str, ctx: Context) -> str:
    ran("asks_in_its_body")
    answer = await ctx.elicit(f"How big a {dish}?", Choice)
    if isinstance(answer, AcceptedElicitation):
        return f"{dish}: {answer.data.size} {answer.data.colour}"
    return answer.action


async def asks_twice(ctx: Context) -> list[str]:
    ran("asks_twice")
    return [(await ctx.elicit(f"Question {number}", Choice)).action for number in (1, 2)]


async def choose(dish: str) -> Elicit[Choice] | Choice:
    return Elicit(f"How big a {dish}?", Choice) if dish != "soup" else Choice(size=1)


async def asks_by_resolver(dish: str, choice: Annotated[Choice, Resolve(choose)]) -> str:
    ran("asks_by_resolver")
    return f"{dish}: {choice.size} {choice.colour}"


async def asks_and_takes_no(dish: str, choice: Annotated[ElicitationResult[Choice], Resolve(choose)]) -> str:
    ran("asks_and_takes_no")
    return choice.action


async def asks_by_itself(dish: str, ctx: Context) -> InputRequiredResult | str:
    if ctx.input_responses is None:
        params = ElicitRequestFormParams(message=f"How big a {dish}?", requested_schema=SCHEMA)
        return InputRequiredResult(input_requests={"size": ElicitRequest(params=params)}, request_state="first round")
    ran("asks_by_itself")
    answer = ctx.input_responses["size"].model_dump(mode="json", by_alias=True)
    return f"{dish}: {ctx.request_state}: {answer['action']} {answer.get('content')}"


async def asks_to_wait(ctx: Context) -> InputRequiredResult | str:
    """Asks nothing, but returns a state with which its caller must call again."""
    if ctx.request_state is None:
        return InputRequiredResult(request_state="later")
    ran("asks_to_wait")
    return ctx.request_state


async def asks_without_state(ctx: Context) -> InputRequiredResult | str:
    if ctx.input_responses is None:
        params = ElicitRequestFormParams(message="How big?", requested_schema=SCHEMA)
        return InputRequiredResult(input_requests={"size": ElicitRequest(params=params)})
    ran("asks_without_state")
    return "answered"


ASKING: list[Callable[..., Any]] = [
    *(asks_in_its_body, asks_twice, asks_by_resolver, asks_and_takes_no, asks_by_itself, asks_to_wait),
    asks_without_state,
]
