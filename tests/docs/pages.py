"""README.md and the pages of docs/: their sections, code blocks, commands and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Command:
    """A line after `$ ` in a console block, and the output shown below it."""

    line: str
    output: str

    @property
    def program(self) -> str:
        return self.line.split()[0]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the text up to the next one."""

    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.partition(chr(10))[0].lstrip('# ')}"

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Returns the language and the text of each code block."""
        return _BLOCK.findall(self.text)

    @property
    def commands(self) -> list[Command]:
        shown = "".join(block for language, block in self.blocks if language == "console")
        parts = [part.partition("\n") for part in re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]]
        return [Command(line, output.strip()) for line, _, output in parts]

    @property
    def has_own_settings(self) -> bool:
        """True if the section starts a router with settings: `make run NAME=value`."""
        return re.search(r"^\$ make run [A-Z]", self.text, re.MULTILINE) is not None


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def sections() -> list[Section]:
    """Returns the sections of all pages, in order."""
    return [
        Section(page.name, text) for page in PAGES for text in re.split(r"^(?=##+ )", text_of(page), flags=re.MULTILINE)
    ]


def commands(*programs: str) -> list[Command]:
    """Returns the commands of these programs on all pages."""
    return [command for section in sections() for command in section.commands if command.program in programs]


def blocks(language: str) -> list[str]:
    """Returns the code blocks in `language` on all pages."""
    return [block for section in sections() for of, block in section.blocks if of == language]


def links(page: Path) -> Iterator[str]:
    """Yields the targets of all links outside code."""
    prose = re.sub(r"`[^`\n]*`", "", _BLOCK.sub("", text_of(page)))
    yield from re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    for heading in _HEADING.findall(_BLOCK.sub("", text_of(page))):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 0
        while (name := f"{anchor}-{number}" if number else anchor) in found:
            number += 1
        found.add(name)
    return found
