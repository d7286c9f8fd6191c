"""Generates types from each document with openapi-typescript; a strict program calls every tool with openapi-fetch."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.every_tool import ANY, CALLS
from tests.process.live.router import ROOT, Router

pytestmark = pytest.mark.generators
NODE_MODULES = ROOT / "tests" / "conformance" / "node_modules"
NULL = {"type": "null"}
HEAD = """import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";
declare const process: { argv: string[] };
const client = createClient<paths>({ baseUrl: process.argv[2]! });
const read: Record<string, unknown> = {};
"""
CALL = """{{
  const {{ data, error, response }} = await client.POST("{path}", {{ body: {body} }});
  const problem: components["schemas"]["Problem"] | undefined = error;
  read["{tool}"] = [response.status, data !== undefined ? {result} : problem?.type];
}}
"""
TYPED = """{{
  const {{ data }} = await client.POST("{prefix}/mcp/tools/sync_add", {{ body: {{ a: 1, b: 2 }} }});
  const sum: number | undefined = data?.result;
  // @ts-expect-error  a number is no text
  const text: string | undefined = data?.result;
  // @ts-expect-error  an argument is missing
  await client.POST("{prefix}/mcp/tools/sync_add", {{ body: {{ a: 1 }} }});
  void [sum, text];
}}
console.log(JSON.stringify(read));
"""


def program(document: Any, prefix: str) -> str:
    """Returns a program that calls every tool, and reads the result of each by its type."""
    calls = []
    for tool, expected in CALLS.items():
        path = f"{prefix}/mcp/tools/{tool}"
        responses = document["paths"][path]["post"]["responses"]
        output = responses["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        properties = document["components"]["schemas"][output].get("properties", {})
        # openapi-fetch drops a property that can only be null.
        has_result = properties.get("result", NULL) != NULL
        result = "data.result" if has_result else "data"
        if "202" in responses:
            result = f'("resultType" in data ? data.resultType : {result})'
        calls.append(CALL.format(path=path, tool=tool, body=json.dumps(expected.arguments), result=result))
    return HEAD + "".join(calls) + TYPED.format(prefix=prefix)


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PATH": f"{NODE_MODULES / '.bin'}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("url", "prefix"), [("/openapi.json", "/kinds"), ("/kinds/openapi.json", "")])
def test_program_compiles_and_reads_the_typed_result_of_every_tool(
    router: Router, tmp_path: Path, url: str, prefix: str
) -> None:
    assert (NODE_MODULES / "openapi-typescript").exists(), "run `make node_modules` first"
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    document = router.get(url)
    (tmp_path / "document.json").write_text(json.dumps(document))
    (tmp_path / "program.ts").write_text(program(document, prefix))
    run(tmp_path, "openapi-typescript", "document.json", "-o", "schema.ts")
    run(tmp_path, "tsc", "--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "program.ts")
    base = f"http://127.0.0.1:{router.port}{url.removesuffix('/openapi.json')}"
    read = json.loads(run(tmp_path, "node", "program.js", base))
    assert read.keys() == CALLS.keys()
    for tool in CALLS:
        check(tool, *read[tool])


def check(tool: str, status: int, result: Any = None) -> None:
    expected = CALLS[tool]
    assert status == expected.status, (tool, result)
    if status >= 400:
        assert result.startswith("urn:multi-mcp:error:"), tool
    elif status == 202:
        assert result == "input_required", tool
    elif expected.result is not ANY and tool != "own_structured":  # which makes a result of its own
        assert result in (expected.result, {"result": expected.result}), tool
