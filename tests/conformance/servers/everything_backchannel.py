"""Tools that ask the client during a call. The SDK sends a request up to 2025-11-25, and returns the question later."""

from collections.abc import Callable
from typing import Annotated, Any

from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Resolve, Sample
from mcp.types import CreateMessageResult, SamplingMessage, TextContent
from pydantic import BaseModel, Field, JsonValue
from pydantic.alias_generators import to_camel

OPTIONS: list[JsonValue] = ["option1", "option2", "option3"]
TITLED: list[JsonValue] = [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)]


class Person(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field("active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


class Choices(BaseModel, alias_generator=to_camel):
    untitled_single: str = Field(json_schema_extra={"enum": OPTIONS})
    titled_single: str = Field(json_schema_extra={"oneOf": TITLED})
    legacy_enum: str = Field(
        json_schema_extra={"enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]}
    )
    untitled_multi: list[str] = Field(json_schema_extra={"items": {"type": "string", "enum": OPTIONS}})
    titled_multi: list[str] = Field(json_schema_extra={"items": {"anyOf": TITLED}})


def ask_model(prompt: str) -> Sample:
    return Sample([SamplingMessage(role="user", content=TextContent(type="text", text=prompt))], max_tokens=100)


def ask_model_to_greet() -> Sample:
    return ask_model("Generate a greeting")


def ask_person(message: str) -> Elicit[Person]:
    return Elicit(message, Person)


def ask_person_again() -> Elicit[Person]:
    return ask_person("Please provide your information")


def ask_defaults() -> Elicit[Defaults]:
    return Elicit("Please review the values", Defaults)


def ask_choices() -> Elicit[Choices]:
    return Elicit("Please choose", Choices)


def _told(outcome: ElicitationResult[Any]) -> str:
    content = outcome.data.model_dump_json() if outcome.action == "accept" else "{}"
    return f"action={outcome.action}, content={content}"


async def test_sampling(prompt: str, answer: Annotated[CreateMessageResult, Resolve(ask_model)]) -> str:
    """Passes a prompt to the client's model"""
    return f"LLM response: {answer.content.text if isinstance(answer.content, TextContent) else 'not a text'}"


async def test_missing_capability(answer: Annotated[CreateMessageResult, Resolve(ask_model_to_greet)]) -> str:
    """Needs a client that can sample"""
    return "The client can sample."


async def test_elicitation(message: str, outcome: Annotated[ElicitationResult[Person], Resolve(ask_person)]) -> str:
    """Asks the user for name and address"""
    return f"User response: {_told(outcome)}"


async def test_elicitation_sep1034_defaults(
    outcome: Annotated[ElicitationResult[Defaults], Resolve(ask_defaults)],
) -> str:
    """Asks with a default for each primitive type"""
    return f"Elicitation completed: {_told(outcome)}"


async def test_elicitation_sep1330_enums(outcome: Annotated[ElicitationResult[Choices], Resolve(ask_choices)]) -> str:
    """Asks with each form of enumeration"""
    return f"Elicitation completed: {_told(outcome)}"


async def test_streaming_elicitation(
    ctx: Context[Any, Any], outcome: Annotated[ElicitationResult[Person], Resolve(ask_person_again)]
) -> str:
    """Asks the user, and reports progress once there is an answer"""
    await ctx.report_progress(1, 1)
    return f"User response: {_told(outcome)}"


BACKCHANNEL_TOOLS: list[Callable[..., Any]] = [
    test_sampling,
    test_missing_capability,
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
    test_streaming_elicitation,
]
