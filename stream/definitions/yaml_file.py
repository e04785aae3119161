"""`planner.yaml` to a Definition; whatever is wrong with the file is said with its line."""

from dataclasses import dataclass
from pathlib import Path

from stream.definitions.shape import check_definition, to_definition
from stream.definitions.yaml_source import Source, parse_yaml
from stream.errors import ConfigurationError
from stream.model.catalog import OTHER_MODEL
from stream.model.compile import compile_model
from stream.model.monitor_clashes import clash_problems
from stream.model.problems import DefinitionError, Problem
from tidegauge.definition import Definition

MAX_FILE_BYTES = 1_000_000


class DefinitionFileError(ConfigurationError):
    """A definition file that cannot be used: every line begins with `file:line: key:`."""


@dataclass(frozen=True)
class DefinitionFile:
    """A definition and where each of its keys stands.

    Parameters
    ----------
    path
        The file; paths in it are relative to its folder.
    definition
        What it says, checked.
    source
        Lines of the keys.
    """

    path: Path
    definition: Definition
    source: Source

    @property
    def reference_path(self) -> Path | None:
        """The reference's file, or None when the definition names none."""
        name = self.definition.reference.file
        return None if name is None else self.path.parent / name

    def located(self, error: DefinitionError) -> DefinitionFileError:
        """Return an error about this definition with file and line."""
        return _located(self.source, error.problems)


def load_definition(path: Path) -> DefinitionFile:
    """Read and check a file.

    Raises
    ------
    DefinitionFileError
        With everything that is wrong with it, one problem a line: file, line, key, what was expected and the nearest
        valid name.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise DefinitionFileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DefinitionFileError(f"{path}: not UTF-8 text (byte {error.start})") from error
    if len(raw) > MAX_FILE_BYTES:
        raise DefinitionFileError(f"{path}: {len(raw)} bytes; a definition has at most {MAX_FILE_BYTES}")
    source, definition = parse_definition(text, str(path))
    return DefinitionFile(path, definition, source)


def parse_definition(text: str, name: str) -> tuple[Source, Definition]:
    """Check the text of a definition file; `name` stands in errors. Raises as `load_definition` does."""
    try:
        source = parse_yaml(text, name)
    except DefinitionError as error:
        raise DefinitionFileError(str(error)) from error
    if not isinstance(source.value, dict):
        raise DefinitionFileError(f"{name}: expected keys and values, the first of them `model: NAME`")
    content, problems = check_definition(source)
    if problems:
        raise _located(source, problems)
    definition = to_definition(content)
    try:
        compile_model(definition)
    except DefinitionError as error:
        raise _located(source, error.problems) from error
    clashes = list(clash_problems(definition))
    if definition.model == OTHER_MODEL:
        clashes.append(
            Problem("model", f"{OTHER_MODEL} holds what there is no room for: declare the models themselves")
        )
    if clashes:
        raise _located(source, clashes)
    return source, definition


def _located(source: Source, problems: "list[Problem] | tuple[Problem, ...]") -> DefinitionFileError:
    ordered = sorted(problems, key=lambda problem: source.line_of(problem.key) or 0)
    return DefinitionFileError("\n".join(map(source.located, ordered)))
