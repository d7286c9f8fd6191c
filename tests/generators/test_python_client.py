"""Generates a Python client from each document with openapi-python-client, and calls every tool with it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

from tests.contract.every_tool import ANY, CALLS
from tests.process.live.router import Router

pytestmark = pytest.mark.generators
DOCUMENTS = {"whole": "", "of_kinds": "/kinds", "of_odd": "/odd"}
TYPES = {200: "Output", 202: "InputRequired"}


@pytest.fixture(scope="module")
def folder(router: Router, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Generates a package of each document."""
    folder = tmp_path_factory.mktemp("clients")
    (folder / "config.yml").write_text("post_hooks: []\n")
    for name, path in DOCUMENTS.items():
        url = f"http://127.0.0.1:{router.port}{path}/openapi.json"
        options = ["--meta", "none", "--config", "config.yml", "--output-path", name, "--fail-on-warning"]
        subprocess.run(
            [sys.executable, "-m", "openapi_python_client", "generate", "--url", url, *options],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def operations(folder: Path, package: str, server: str) -> dict[str, ModuleType]:
    """Returns the modules that call the tools of a server, by the tools' names."""
    names = sorted(path.stem for path in (folder / package / "api" / server).glob(f"{server}_*.py"))
    return {name.removeprefix(f"{server}_"): import_module(f"{package}.api.{server}.{name}") for name in names}


@pytest.mark.parametrize("package", ["whole", "of_kinds"])
def test_every_tool_of_the_contract_servers_is_called_and_its_typed_result_is_read(
    router: Router, folder: Path, package: str
) -> None:
    tools = operations(folder, package, "kinds")
    assert tools.keys() == CALLS.keys()
    base = f"http://127.0.0.1:{router.port}" + ("/kinds" if package == "of_kinds" else "")
    with import_module(f"{package}.client").Client(base_url=base, timeout=30) as client:
        for tool, expected in CALLS.items():
            model = get_type_hints(tools[tool].sync_detailed)["body"]
            answer = tools[tool].sync_detailed(client=client, body=model.from_dict(expected.arguments))
            assert answer.status_code == expected.status, (tool, answer.content)
            check_typed(tool, answer, expected.result)


def check_typed(tool: str, answer: Any, result: Any) -> None:
    """Checks that the answer was read into the class that the document declares."""
    kind, status = type(answer.parsed).__name__, int(answer.status_code)
    if status >= 400:
        assert kind == "Problem"
        assert answer.parsed.status == status
        assert answer.parsed.type_.startswith("urn:multi-mcp:error:")
    elif status == 202:
        assert kind == "InputRequired"
        assert answer.parsed.result_type == "input_required"
    else:
        assert kind in ("ToolResult", "Kinds" + "".join(part.title() for part in tool.split("_")) + "Output")
        if result is not ANY:
            read = json.loads(json.dumps(answer.parsed.to_dict()).replace("+00:00", "Z"))  # a moment's other spelling
            assert read in ({"result": result}, result), tool


def test_result_has_the_declared_types(router: Router, folder: Path) -> None:
    tools = operations(folder, "of_kinds", "kinds")
    models = import_module("of_kinds.models")
    with import_module("of_kinds.client").Client(base_url=f"http://127.0.0.1:{router.port}/kinds") as client:
        added = tools["sync_add"].sync(client=client, body=models.KindsSyncAddInput(a=10, b=32))
        assert added.result == 42
        line = tools["dataclass_value"].sync(client=client, body=models.KindsDataclassValueInput(x=3))
        assert line.start == models.KindsDataclassValueOutputPoint(x=3, y=0)
        tree = tools["recursive_model"].sync(client=client, body=models.KindsRecursiveModelInput(depth=1))
        assert [type(child) for child in tree.children] == [models.KindsRecursiveModelOutputTree]


@pytest.mark.parametrize("package", ["whole", "of_odd"])
def test_every_odd_tool_is_generated(router: Router, folder: Path, package: str) -> None:
    document = router.get("/odd/openapi.json")
    ids = {operation["post"]["operationId"] for operation in document["paths"].values()}
    assert {f"odd_{tool}" for tool in operations(folder, package, "odd")} == {
        re.sub(r"[-_]+", "_", name).lower() for name in ids
    }
