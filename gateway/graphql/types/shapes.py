"""Reads of a JSON Schema what GraphQL can say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from gateway.argument_names import properties_of, target
from gateway.graphql.types.scalars import LARGEST, SMALLEST

Kind = Literal["Int", "Long", "Float", "String", "Boolean", "JSON", "enum", "list", "object", "union"]

_NOTES = {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$defs"}
_LONGEST_CHAIN = 32
_DEFINITIONS = "#/$defs/"
_PLAIN: Mapping[Any, Kind] = {"number": "Float", "string": "String", "boolean": "Boolean"}
_ALTERNATIVES = ("anyOf", "oneOf")
_BOUNDS = frozenset({"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"})
_UNSAID = frozenset(
    {"additionalProperties", "unevaluatedProperties", "patternProperties", "if", "then", "else", "not", "$ref"}
    | {"anyOf", "oneOf", "allOf", "dependentSchemas", "dependencies", "propertyNames"}
)
"""Keywords by which an object may have more properties, or others, than those that it declares."""


class Shape(NamedTuple):
    """`schema` is the part of the document that says it, without references. `values` are those of an enum.

    `options` are the objects of a union by the text in their property `tag`.
    """

    kind: Kind
    schema: Mapping[str, Any]
    nullable: bool = False
    name: str = ""
    values: Sequence[str] = ()
    tag: str = ""
    options: Mapping[str, Shape] | None = None

    @property
    def properties(self) -> Mapping[str, Any]:
        return properties_of(self.schema)

    @property
    def required(self) -> frozenset[str]:
        names = self.schema.get("required")
        return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()

    @property
    def is_open(self) -> bool:
        """True if a value may have properties that the schema does not declare."""
        return self.schema.get("additionalProperties") is not False

    @property
    def says_all(self) -> bool:
        """True if the declared properties are all that its author wants to be sent."""
        return not any(self.schema[key] is not False for key in _UNSAID & self.schema.keys())


def read(schema: Any, root: Mapping[str, Any]) -> Shape:
    """Returns the shape of a part of the document `root`. It is `JSON` for all that GraphQL cannot say."""
    name, chain = "", 0
    while type(schema) is dict and (found := _step(schema)) is not None and chain < _LONGEST_CHAIN:
        if isinstance(found, str):
            name = found.rpartition("/")[2]
            found = _target(root, found)
        schema, chain = found, chain + 1
    if not isinstance(schema, dict) or chain == _LONGEST_CHAIN:
        return Shape("JSON", {}, nullable=True)
    if schema is root:
        schema = _definition_of(root)
    shape = _alternatives(schema, root) or _plain(schema)
    return shape._replace(name=name) if name and not shape.name else shape


def _target(root: Mapping[str, Any], reference: str) -> Any:
    """Returns what a reference leads to. Nearly all of them lead to a definition by its plain name."""
    definitions = root.get("$defs") if reference.startswith(_DEFINITIONS) else None
    name = reference[len(_DEFINITIONS) :]
    return definitions[name] if isinstance(definitions, dict) and name in definitions else target(root, reference)


def _definition_of(root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the definition in a document that says what the document says: a recursive type is there twice."""
    definitions, alone = root.get("$defs"), {key: value for key, value in root.items() if key != "$defs"}
    found = definitions.values() if isinstance(definitions, dict) else ()
    return next((each for each in found if each == alone), root)


def _step(schema: Mapping[str, Any]) -> Any:
    """Returns the reference or the schema that alone says what `schema` is; None if there is none."""
    if "$ref" not in schema and "allOf" not in schema:
        return None
    more = schema.keys() - _NOTES
    if more == {"$ref"} and isinstance(schema["$ref"], str):
        return schema["$ref"]
    if more == {"allOf"} and isinstance(schema["allOf"], list) and len(schema["allOf"]) == 1:
        return schema["allOf"][0]
    return None


def _alternatives(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Shape | None:
    """Returns the shape of `anyOf` or `oneOf`; None if the schema has none."""
    if "properties" in schema or not ("anyOf" in schema or "oneOf" in schema):
        return None
    options = next((schema[key] for key in _ALTERNATIVES if isinstance(schema.get(key), list)), None)
    if options is None:
        return None
    nullable = any(_is_null(option) for option in options)
    shapes = [read(option, root) for option in options if not _is_null(option)]
    nullable = nullable or any(shape.nullable for shape in shapes)
    if len(shapes) == 1:
        return shapes[0]._replace(nullable=nullable)
    if shapes and all(shape.kind in ("Int", "Long", "Float") for shape in shapes):
        return Shape("Float", schema, nullable)
    if tagged := _tagged(shapes):
        tag, found = tagged
        return Shape("union", schema, nullable, tag=tag, options=found)
    return Shape("JSON", schema, nullable=True)


def _tagged(shapes: Sequence[Shape]) -> tuple[str, Mapping[str, Shape]] | None:
    """Returns the property whose constant text tells objects apart, and the objects by that text."""
    if not shapes or any(shape.kind != "object" for shape in shapes) or len({id(s.schema) for s in shapes}) < 2:
        return None
    for tag in shapes[0].properties:
        texts = [_constant(shape, tag) for shape in shapes]
        if all(texts) and len({*texts}) == len(shapes):
            return tag, {str(text): shape for text, shape in zip(texts, shapes, strict=True)}
    return None


def _constant(shape: Shape, tag: str) -> str | None:
    schema = shape.properties.get(tag)
    if not isinstance(schema, dict):
        return None
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return values[0] if isinstance(values, list) and len(values) == 1 and isinstance(values[0], str) else None


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and (
        schema.get("type") == "null" or ("const" in schema and schema["const"] is None)
    )


def _plain(schema: Mapping[str, Any]) -> Shape:
    if "const" in schema or isinstance(schema.get("enum"), list):
        return _one_of(schema, [schema["const"]] if "const" in schema else schema["enum"])
    kind, nullable = _kind(schema)
    if kind == "integer":
        return Shape(_size(schema), schema, nullable)
    if kind == "array" and not isinstance(schema.get("items"), list) and "prefixItems" not in schema:
        return Shape("list", schema, nullable)
    if kind == "object" and schema.get("properties"):
        title = schema.get("title")
        return Shape("object", schema, nullable, title if isinstance(title, str) else "")
    return Shape(_PLAIN[kind], schema, nullable) if kind in _PLAIN else Shape("JSON", schema, nullable=True)


def _kind(schema: Mapping[str, Any]) -> tuple[str | None, bool]:
    """Returns the one type of a schema besides null, None if it has several, and True if it may be null."""
    kinds = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kinds, str):
        return kinds, False
    left = {kind for kind in kinds if kind != "null" and isinstance(kind, str)} if isinstance(kinds, list) else set()
    if left == {"integer", "number"}:
        left = {"number"}
    return (left.pop() if len(left) == 1 else None), isinstance(kinds, list) and "null" in kinds


def _one_of(schema: Mapping[str, Any], values: Sequence[Any]) -> Shape:
    given = [value for value in values if value is not None]
    nullable, title = len(given) < len(values), schema.get("title")
    if given and all(type(value) is str for value in given):
        return Shape("enum", schema, nullable, title if isinstance(title, str) else "", values=[*dict.fromkeys(given)])
    if given and all(type(value) is bool for value in given):
        return Shape("Boolean", schema, nullable)
    if given and all(type(value) is int for value in given):
        is_small = all(SMALLEST <= value <= LARGEST for value in given)
        return Shape("Int" if is_small else "Long", schema, nullable)
    return Shape("JSON", schema, nullable=True)


def _size(schema: Mapping[str, Any]) -> Kind:
    """Returns `Int` for whole numbers whose bounds are within 32 bits."""
    if not _BOUNDS & schema.keys():
        return "Long"
    low, high = (
        [schema[key] for key in keys if type(schema.get(key)) in (int, float)]
        for keys in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
    )
    return "Int" if low and high and max(low) >= SMALLEST and min(high) <= LARGEST else "Long"
