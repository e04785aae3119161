"""From plain values to a Definition: every wrong key, type and name at once, with the nearest valid one."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType, NoneType
from typing import Any, Final

import msgspec
from msgspec import inspect

from stream.definitions.yaml_source import Plain, Source, key_path
from stream.model.problems import Problem, nearest
from stream.parts.encoding import category_text
from tidegauge.definition import Definition

_NAMES: Final = {
    inspect.StrType: "text", inspect.FloatType: "a number", inspect.IntType: "a whole number",
    inspect.BoolType: "true or false", inspect.NoneType: "nothing", inspect.ListType: "a list",
    inspect.DictType: "a mapping", inspect.StructType: "a mapping",
}  # fmt: skip
_PYTHON: Final[Mapping[type[inspect.Type], type]] = MappingProxyType({
    inspect.StrType: str, inspect.NoneType: NoneType, inspect.ListType: list,
    inspect.DictType: dict, inspect.StructType: dict,
})  # fmt: skip
_DEFINITION: Final = inspect.type_info(Definition)


def check_definition(source: Source) -> tuple[dict[str, Any], list[Problem]]:
    """Return the content as msgspec converts it, and everything that is wrong with its shape."""
    check = _Check()
    value = check.value(_DEFINITION, source.value, "")
    return value if isinstance(value, dict) else {}, [*source.problems, *check.problems, *_labels(source.value)]


def _labels(content: Any) -> Iterator[Problem]:
    """Yield labels spelt as Python spells them: no truth value and no number comes as such a text."""
    if not isinstance(content, dict):
        return
    classes = content.get("classes")
    listed = enumerate(classes if isinstance(classes, list) else ())
    for path, label in [("positive", content.get("positive")), *((key_path("classes", at), one) for at, one in listed)]:
        if not isinstance(label, Plain) or not isinstance(label.value, int | float):
            continue
        text, truth = category_text(label.value), isinstance(label.value, bool)
        if text != label and not (truth and text != label.lower()):  # `yes` is a text like any other
            kind = "truth value" if truth else "number"
            yield Problem(path, f"{str(label)!r}: write `{text}` for the {kind}, or '{label}' in quotes for that text")


class _Check:
    """One walk over value and type together."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def value(self, kind: inspect.Type, value: Any, path: str) -> Any:
        """Return `value` as `kind` wants it; what does not fit is noted and returned as it is."""
        if isinstance(kind, inspect.UnionType):
            return self._union(kind, value, path)
        if not _fits(kind, value):
            return self._mismatch(kind, value, path)
        match kind:
            case inspect.StructType():
                return self._struct(kind, value, path)
            case inspect.DictType():
                return {key: self.value(kind.value_type, item, key_path(path, key)) for key, item in value.items()}
            case inspect.ListType():
                return [self.value(kind.item_type, item, key_path(path, at)) for at, item in enumerate(value)]
            case _:
                return _plain(kind, value)

    def _union(self, kind: inspect.UnionType, value: Any, path: str) -> Any:
        if all(isinstance(option, inspect.StructType) for option in kind.types):
            return self._monitor(kind, value, path)
        fitting = next((option for option in kind.types if _fits(option, value)), None)
        return self._mismatch(kind, value, path) if fitting is None else self.value(fitting, value, path)

    def _struct(self, kind: inspect.StructType, value: Mapping[str, Any], path: str) -> dict[str, Any]:
        fields = {field.encode_name: field for field in kind.fields}
        for key in value:
            if key not in fields:
                self.problems.append(Problem(key_path(path, key), f"unknown key{_hint(key, fields)}"))
        for name, field in fields.items():
            if field.required and value.get(name) is None:
                self.problems.append(Problem(key_path(path, name), "this key is required"))
        return {
            key: self.value(fields[key].type, item, key_path(path, key))
            for key, item in value.items()
            if key in fields and item is not None  # a key without a value means the default
        }

    def _monitor(self, kind: inspect.UnionType, value: Any, path: str) -> Any:
        """Turn `drift: {features: all}`, or just `drift`, into the struct with the tag "drift"."""
        kinds = {str(option.tag): option for option in kind.types if isinstance(option, inspect.StructType)}
        body = {str(value): {}} if isinstance(value, str) else value
        if not isinstance(body, dict) or len(body) != 1:
            names = ", ".join(kinds)
            self.problems.append(Problem(path, f"expected one of {names} and its settings, such as `drift: {{}}`"))
            return value
        ((name, settings),) = body.items()
        if name not in kinds:
            hint = nearest(name, kinds) or f"; expected one of {', '.join(kinds)}"
            self.problems.append(Problem(key_path(path, name), f"unknown monitor{hint}"))
            return value
        at = key_path(path, name)
        if not isinstance(settings, dict | None):
            return self._mismatch(kinds[name], settings, at)
        return {"kind": name, **self._struct(kinds[name], settings or {}, at)}

    def _mismatch(self, kind: inspect.Type, value: Any, path: str) -> Any:
        found = repr(str(value)) if isinstance(value, str) else _describe(value)
        names = _literals(kind)
        hint = nearest(value, names) if isinstance(value, str) else ""
        self.problems.append(Problem(path, f"{found}: expected {_expected(kind)}{hint}"))
        return value


def _fits(kind: inspect.Type, value: Any) -> bool:
    """Whether a value can be meant as this type, before looking inside it."""
    actual = value.value if isinstance(value, Plain) else value
    if isinstance(kind, inspect.LiteralType):
        return isinstance(value, str) and str(value) in kind.values
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        whole = isinstance(kind, inspect.IntType)
        return isinstance(actual, int if whole else int | float) and not isinstance(actual, bool)
    if isinstance(kind, inspect.BoolType):
        return isinstance(actual, bool)
    return isinstance(value, _PYTHON[type(kind)])


def _plain(kind: inspect.Type, value: Any) -> Any:
    if isinstance(value, Plain):
        return str(value) if isinstance(kind, inspect.StrType | inspect.LiteralType) else value.value
    return value


def _literals(kind: inspect.Type) -> Sequence[str]:
    if isinstance(kind, inspect.UnionType):
        return [name for option in kind.types for name in _literals(option)]
    return [str(name) for name in kind.values] if isinstance(kind, inspect.LiteralType) else []


def _expected(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.UnionType):
        options = [option for option in kind.types if not isinstance(option, inspect.NoneType)]
        return " or ".join(_expected(option) for option in options)
    if isinstance(kind, inspect.LiteralType):
        return ("one of " if len(kind.values) > 1 else "") + ", ".join(map(str, kind.values))
    return _NAMES.get(type(kind), "something else")


def _describe(value: Any) -> str:
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else "a mapping"


def _hint(key: str, fields: Mapping[str, inspect.Field]) -> str:
    return nearest(key, fields) or f"; expected one of {', '.join(fields)}"


def to_definition(content: Mapping[str, Any]) -> Definition:
    """Convert what `check_definition` found nothing wrong with."""
    return msgspec.convert(content, Definition)
