"""The list of the image's packages that `make sbom` writes."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from packaging.markers import Marker

from tests.process.live.router import ROOT

pytestmark = pytest.mark.process
IMAGE = {
    "sys_platform": "linux",
    "python_full_version": "3.13.0",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}


def locked(lock: str) -> dict[str, tuple[str, set[str]]]:
    """Returns the version and the hashes of each package that the image installs from a lock."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        pin, _, marker = line.partition("--hash")[0].strip().partition(" ; ")
        if not marker or Marker(marker).evaluate(IMAGE):
            name, version = pin.split("==")
            found[name] = version, set(re.findall("sha256:([0-9a-f]{64})", line))
    return found


def test_list_has_each_package_of_the_image_with_its_version_and_hashes(tmp_path: Path) -> None:
    command = ["make", "sbom", f"SBOM={tmp_path / 'sbom.json'}"]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    document = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    listed = {}
    for component in document["components"]:
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        files = [reference for reference in component["externalReferences"] if reference["type"] == "distribution"]
        hashes = {entry["content"] for file in files for entry in file["hashes"] if entry["alg"] == "SHA-256"}
        listed[component["name"]] = component["version"], hashes
    assert listed == locked("run.lock")
