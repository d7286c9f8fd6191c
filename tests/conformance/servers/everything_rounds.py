"""Tools that ask the client as in revision 2026-07-28: they return the question, and the client calls again."""

from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)


def form(message: str, **fields: str) -> ElicitRequest:
    """Returns a form of required fields, each given as name and JSON type."""
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in fields.items()},
        "required": list(fields),
    }
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def accepted(ctx: Context[Any, Any], key: str) -> dict[str, Any]:
    """Returns the content of the accepted answer to this question, or an empty dict."""
    answer = (ctx.input_responses or {}).get(key)
    return dict(answer.content or {}) if isinstance(answer, ElicitResult) and answer.action == "accept" else {}


def completion(prompt: str, max_tokens: int = 100) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=max_tokens))


async def test_input_required_result_elicitation(ctx: Context[Any, Any]) -> str | InputRequiredResult:
    """Asks for a name and greets it"""
    name = accepted(ctx, "user_name").get("name")
    if name is None:
        return InputRequiredResult(input_requests={"user_name": form("What is your name?", name="string")})
    return f"Hello, {name}!"


async def test_input_required_result_sampling(ctx: Context[Any, Any]) -> str | InputRequiredResult:
    """Asks the client's model one question and repeats its answer"""
    answer = (ctx.input_responses or {}).get("capital_question")
    if not isinstance(answer, CreateMessageResult) or not isinstance(answer.content, TextContent):
        return InputRequiredResult(input_requests={"capital_question": completion("What is the capital of France?")})
    return answer.content.text


async def test_input_required_result_list_roots(ctx: Context[Any, Any]) -> str | InputRequiredResult:
    """Asks for the client's roots and names them"""
    answer = (ctx.input_responses or {}).get("client_roots")
    if not isinstance(answer, ListRootsResult):
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})
    return "Roots: " + ", ".join(str(root.uri) for root in answer.roots)


async def test_input_required_result_request_state(ctx: Context[Any, Any]) -> str | InputRequiredResult:
    """Asks for a confirmation and expects its state back"""
    if not accepted(ctx, "confirm") or ctx.request_state != "asked":
        confirm = form("Please confirm", ok="boolean")
        return InputRequiredResult(input_requests={"confirm": confirm}, request_state="asked")
    return "state-ok: confirmed"


async def test_input_required_result_tampered_state(ctx: Context[Any, Any]) -> str | InputRequiredResult:
    """Asks for a confirmation; the SDK refuses a state that it did not seal itself"""
    return await test_input_required_result_request_state(ctx)


async def test_input_required_result_multiple_inputs(ctx: Context[Any, Any]) -> str | InputRequiredResult:
    """Asks the user, the model and the client at once"""
    questions: dict[str, InputRequest] = {
        "user_name": form("What is your name?", name="string"),
        "greeting": completion("Generate a greeting", max_tokens=50),
        "client_roots": ListRootsRequest(),
    }
    if not questions.keys() <= (ctx.input_responses or {}).keys():
        return InputRequiredResult(input_requests=questions, request_state="asked")
    return "All answers arrived."


async def test_input_required_result_multi_round(ctx: Context[Any, Any]) -> str | InputRequiredResult:
    """Asks for a name, then for a color"""
    state = ctx.request_state or ""
    color = accepted(ctx, "step2").get("color")
    if state.startswith("name:") and color is not None:
        return f"{state.removeprefix('name:')} likes {color}."
    name = accepted(ctx, "step1").get("name")
    if state == "asked" and name is not None:
        step2 = form("Step 2: What is your favorite color?", color="string")
        return InputRequiredResult(input_requests={"step2": step2}, request_state=f"name:{name}")
    step1 = form("Step 1: What is your name?", name="string")
    return InputRequiredResult(input_requests={"step1": step1}, request_state="asked")


async def test_input_required_result_capabilities(ctx: Context[Any, Any]) -> str | InputRequiredResult:
    """Asks only what the client said it can answer"""
    capabilities = ctx.client_capabilities
    questions: dict[str, InputRequest] = {}
    if capabilities is not None and capabilities.elicitation is not None:
        questions["user_name"] = form("What is your name?", name="string")
    if capabilities is not None and capabilities.sampling is not None:
        questions["greeting"] = completion("Generate a greeting")
    if not questions or ctx.input_responses:
        return "Nothing to ask."
    return InputRequiredResult(input_requests=questions)


ROUND_TOOLS: list[Callable[..., Any]] = [
    test_input_required_result_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_capabilities,
]
