"""YAML as plain values, each with the line it stands on."""

from dataclasses import dataclass, field
from typing import Any, Final, Self

import yaml

from stream.model.problems import DefinitionError, Problem

_NULL: Final = "tag:yaml.org,2002:null"
_STRING: Final = "tag:yaml.org,2002:str"
_MAX_NODES: Final = 100_000  # aliases of aliases can unfold into gigabytes
_MAX_DEPTH: Final = 40  # an alias may stand within what it names


class Plain(str):
    """A scalar written without quotes that YAML takes for something else than text: `yes`, `1`, `2013.10`.

    Where text is expected it is taken as it was written; `value` is what YAML makes of it.
    """

    __slots__ = ("value",)
    value: Any

    def __new__(cls, text: str, value: Any) -> Self:
        """Keep both readings."""
        plain = super().__new__(cls, text)
        plain.value = value
        return plain


@dataclass
class Source:
    """The content of a file: `value`, and for every key path the line (from 1) it begins on."""

    name: str
    value: Any = None
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, key: str) -> int | None:
        """Return the line of a key path, or of the nearest one above it that the file has."""
        while key and key not in self.lines:
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return self.lines.get(key)

    def located(self, problem: Problem) -> str:
        """Return a problem with file and line before it."""
        line = self.line_of(problem.key)
        return f"{self.name}:{line}: {problem}" if line else f"{self.name}: {problem}"


def parse_yaml(text: str, name: str) -> Source:
    """Read one YAML document; raises DefinitionError when it is none."""
    source = Source(name)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        where = f"{name}:{at.line + 1}" if at else name
        raise DefinitionError([Problem(where, f"not valid YAML: {error.problem or error.context}")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise DefinitionError([Problem(name, f"not valid YAML: {' '.join(str(error).split())}")]) from error
    if node is not None:
        source.value = _Walk(source).value(node, "")
    return source


def key_path(parent: str, key: str | int) -> str:
    """Return the path of a key under another: `monitors[0].drift`."""
    if isinstance(key, int):
        return f"{parent}[{key}]"
    return f"{parent}.{key}" if parent else key


class _Walk:
    """Turns nodes into values, noting lines and repeated keys."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._constructor = yaml.SafeLoader("")
        self._seen = 0
        self._depth = 0

    def value(self, node: yaml.Node, path: str) -> Any:
        self._seen += 1
        if self._seen > _MAX_NODES or self._depth > _MAX_DEPTH:
            text = f"not valid YAML here: more than {_MAX_NODES} values, or {_MAX_DEPTH} levels"
            raise DefinitionError([Problem(self._source.name, text)])
        self._source.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._depth += 1
        inside = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self._depth -= 1
        return inside

    def _sequence(self, node: yaml.Node, path: str) -> list[Any]:
        return [self.value(item, key_path(path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            at = key_path(path, key)
            if key in mapping:
                self._source.problems.append(Problem(at, f"given again on line {key_node.start_mark.line + 1}"))
                continue
            self._source.lines[at] = key_node.start_mark.line + 1
            mapping[key] = self.value(value_node, at)
        return mapping

    def _scalar(self, node: yaml.Node, path: str) -> Any:
        if node.tag == _STRING:
            return node.value
        try:
            value = self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            text = " ".join(str(error).split())
            self._source.problems.append(Problem(path, f"{node.value!r} cannot be read: {text}"))
            return node.value
        return None if node.tag == _NULL else Plain(node.value, value)
