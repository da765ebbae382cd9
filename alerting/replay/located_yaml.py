"""YAML with the line of everything in it, so that an error in a rule test can say where."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import yaml

Path = tuple[str | int, ...]
"""Keys and positions from the top: `("tests", 0, "interval")`."""

MAX_DEPTH = 50
"""No file nests deeper than that; an alias within itself does."""


class YamlError(ValueError):
    """Text that is not YAML, or not of the kind that files have; says where."""


class _Loader(yaml.SafeLoader):
    """JSON's numbers with an exponent are numbers too, which YAML 1.1 takes for text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"), list("-0123456789")
)


class LocatedYaml:
    """A document: its data, and `line_of` any path in it, from 1.

    Scalars are their text as it is written, or None for an empty one, except below the paths in `typed`, where they
    are numbers and booleans: 0x10 is sixteen to YAML and ten repeats of 0 to the notation of values.
    """

    def __init__(self, text: str, *, typed: Collection[Path] = ()) -> None:
        self._lines: dict[Path, int] = {}
        self._typed = typed
        self._loader = _Loader(text)
        try:
            node = self._loader.get_single_node()
            self.data: Any = None if node is None else self._read(node, ())
        except yaml.YAMLError as error:
            raise YamlError(_words(error)) from None
        finally:
            self._loader.dispose()

    def line_of(self, path: Path) -> int:
        """The line of what lies there, else of the closest thing around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _read(self, node: yaml.Node, path: Path, *, is_typed: bool = False) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > MAX_DEPTH:
            raise YamlError(f"line {node.start_mark.line + 1}: nested too deeply")
        is_typed = is_typed or path in self._typed
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path, is_typed)
            case yaml.SequenceNode():
                children = enumerate(node.value)
                return [self._read(child, (*path, at), is_typed=is_typed) for at, child in children]
            case _ if is_typed:
                return self._loader.construct_object(node)
            case _:
                return None if node.tag == "tag:yaml.org,2002:null" else node.value

    def _mapping(self, node: yaml.MappingNode, path: Path, is_typed: bool) -> dict[str, Any]:
        self._loader.flatten_mapping(node)
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise YamlError(f"line {line}: a key must be text")
            key = key_node.value
            if key in found:
                raise YamlError(f"line {line}: the key {key!r} is given twice")
            self._lines[(*path, key)] = line
            found[key] = self._read(value_node, (*path, key), is_typed=is_typed)
        return found


def _words(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not YAML"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else f"not YAML: {error}"
