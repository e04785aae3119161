"""Definition files: what is taken, and how a mistake is explained."""

from pathlib import Path

import pytest

from stream.definitions.yaml_file import DefinitionFileError, load_definition, parse_definition
from tidegauge.definition import DriftMonitor, ErrorsMonitor, LatencyMonitor, PerformanceMonitor, TrafficMonitor


def problems(text: str) -> list[str]:
    with pytest.raises(DefinitionFileError) as caught:
        parse_definition(text, "planner.yaml")
    return str(caught.value).splitlines()


def test_the_documented_file_is_read() -> None:
    text = """
model: planner
task: binary
positive: late                     # any other label is negative
threshold: 0.5
timezone: America/New_York
label_horizon: 2d
label_ages: [1h, 6h, 1d]
segments: [origin]
features:
  carrier: categorical
  temp: numeric
reference: {file: february.parquet, held_out: true}
windows: [1d, 7d]
false_alarms: {page: 1/90d, warn: 1/30d, info: 1/7d}
monitors:
  - drift: {features: all}
  - drift: {subject: score}
  - performance: {metric: log_loss, drop: 0.05}
  - latency: {slo: 50ms, budget: 1%}
  - errors: {budget: 1%}
  - traffic: {}
"""
    _, definition = parse_definition(text, "planner.yaml")
    assert definition.features == {"carrier": "categorical", "temp": "numeric"}
    assert definition.reference.held_out is True
    assert definition.monitors == [
        DriftMonitor(),
        DriftMonitor(subject="score"),
        PerformanceMonitor(metric="log_loss", drop=0.05),
        LatencyMonitor(slo="50ms", budget="1%"),
        ErrorsMonitor(budget="1%"),
        TrafficMonitor(),
    ]


def test_only_the_model_is_needed() -> None:
    _, definition = parse_definition("model: m", "m.yaml")
    assert definition.model == "m"
    assert definition.reference.learn == "28d"


@pytest.mark.parametrize("text", ["- traffic", "- traffic:", "- traffic: {}"])
def test_a_monitor_without_settings_may_be_written_in_any_form(text: str) -> None:
    _, definition = parse_definition(f"model: m\nmonitors:\n  {text}", "m.yaml")
    assert definition.monitors == [TrafficMonitor()]


def test_text_is_taken_as_written_where_yaml_would_make_something_else_of_it() -> None:
    _, definition = parse_definition("model: 2013.10\ntask: binary\npositive: yes", "m.yaml")
    assert (definition.model, definition.positive) == ("2013.10", "yes")


@pytest.mark.parametrize(
    ("key", "written", "text", "kind"),
    [
        ("positive", "True", "true", "truth value"),
        ("positive", "1.0", "1", "number"),
        ("classes", "[false, False]", "false", "truth value"),
        ("classes", "[1, 2.50]", "2.5", "number"),
    ],
)
def test_labels_spelt_as_python_spells_them_are_refused(key: str, written: str, text: str, kind: str) -> None:
    """A label of True comes as `true`: none would ever be the positive one, and nothing would say so."""
    task = "binary" if key == "positive" else "multiclass"
    (problem,) = problems(f"model: m\ntask: {task}\n{key}: {written}")
    assert f": write `{text}` for the {kind}, or '" in problem
    quoted = written.replace("False", "'False'").replace("2.50", "'2.50'")
    right = f"model: m\ntask: {task}\n{key}: {quoted if key == 'classes' else repr(written)}"
    assert parse_definition(right, "planner.yaml")[1].model == "m"


def test_the_name_of_what_there_is_no_room_for_is_no_models() -> None:
    (problem,) = problems("model: __other__")
    assert problem.startswith("planner.yaml:1: model: __other__ holds what there is no room for")


@pytest.mark.parametrize("written", ["true", "1", "1.5", "yes", "No", "'True'", "late"])
def test_labels_as_they_come_are_taken(written: str) -> None:
    _, definition = parse_definition(f"model: m\ntask: binary\npositive: {written}", "planner.yaml")
    assert definition.positive == written.strip("'")


def test_every_mistake_is_said_with_its_line_and_the_nearest_name() -> None:
    text = """model: planner
task: binry
threshold: high
label_ages: 1h
segmnts: [origin]
features: {carrier: catgorical}
monitors:
  - drift: {methd: psi}
  - dritf: {}
  - drift: {for: 1.5}
  - [drift]
model: again
"""
    assert problems(text) == [
        "planner.yaml:1: model: given again on line 12",
        "planner.yaml:2: task: 'binry': expected one of binary, multiclass, regression, score; did you mean `binary`?",
        "planner.yaml:3: threshold: 'high': expected a number",
        "planner.yaml:4: label_ages: '1h': expected a list",
        "planner.yaml:5: segmnts: unknown key; did you mean `segments`?",
        (
            "planner.yaml:6: features.carrier: 'catgorical': expected one of categorical, numeric; did you mean "
            "`categorical`?"
        ),
        "planner.yaml:8: monitors[0].drift.methd: unknown key; did you mean `method`?",
        "planner.yaml:9: monitors[1].dritf: unknown monitor; did you mean `drift`?",
        "planner.yaml:10: monitors[2].drift.for: '1.5': expected a whole number",
        (
            "planner.yaml:11: monitors[3]: expected one of drift, performance, calibration, coverage, latency, errors, "
            "traffic and its settings, such as `drift: {}`"
        ),
    ]


def test_mistakes_of_meaning_have_lines_too() -> None:
    found = problems("model: m\ntimezone: UTC\nwindows:\n  - 1d\n  - 7x\nmonitors:\n  - performance: {metric: auc_roc}")
    assert [line.split(": ")[0] for line in found] == ["planner.yaml:5", "planner.yaml:7"]
    assert "windows[1]" in found[0]


def with_monitors(*monitors: str) -> str:
    lines = [f"  - {monitor}" for monitor in monitors]
    head = [
        "model: m",
        "task: binary",
        "positive: late",
        "windows: [1h, 1d]",
        "features: {temp: numeric, wind: numeric}",
    ]
    return "\n".join([*head, "monitors:", *lines])


@pytest.mark.parametrize(
    ("monitors", "what"),
    [
        (["drift: {features: all}", "drift: {features: [temp], windows: [1h]}"], "drift does (feature temp)"),
        (["drift: {features: [wind, temp]}", "drift: {features: [temp]}"], "drift does (feature temp)"),
        (["drift: {}", "drift: {min_effect: 0.3}"], "drift does (all features, feature temp, feature wind)"),
        (["drift: {subject: score}", "drift: {subject: score, windows: [1d]}"], "drift does (score)"),
        (
            ["performance: {age: 1h}", "performance: {metric: log_loss, age: 2d}"],
            "(log_loss over 1d, log_loss over 1h)",
        ),
        (["calibration: {}", "performance: {metric: calibration, windows: [1d]}"], "(calibration over 1d)"),
        (["coverage: {}", "coverage: {age: 1h}"], "(coverage over 1d, coverage over 1h)"),
        (["errors: {}", "errors: {budget: 5%}"], "errors does (errors over burn rates)"),
        (["latency: {windows: [1h, 1d]}", "latency: {windows: [1d]}"], "latency does (latency over 1d)"),
    ],
)
def test_two_monitors_of_the_same_thing_are_refused(monitors: list[str], what: str) -> None:
    [found] = problems(with_monitors(*monitors))
    assert found.startswith("planner.yaml:8: monitors[1].")
    assert f"watches what monitors[0].{monitors[0].split(':')[0]} does" in found
    assert what in found


def test_of_undeclared_features_all_are_any() -> None:
    monitors = "monitors:\n  - drift: {features: [temp]}\n  - drift: {}"
    assert "(feature temp)" in problems(f"model: m\n{monitors}")[0]


@pytest.mark.parametrize(
    "monitors",
    [
        ["drift: {features: [temp]}", "drift: {features: [wind]}", "drift: {subject: score}"],
        ["performance: {metric: roc_auc}", "performance: {}", "calibration: {}", "coverage: {}"],
        ["performance: {windows: [1h]}", "performance: {windows: [1d]}"],
        [
            "errors: {}",
            "errors: {windows: [1h]}",
            "errors: {windows: [1d]}",
            "latency: {}",
            "traffic: {}",
            "traffic: {}",
        ],
    ],
)
def test_monitors_of_different_things_are_taken(monitors: list[str]) -> None:
    _, definition = parse_definition(with_monitors(*monitors), "planner.yaml")
    assert len(definition.monitors) == len(monitors)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "planner.yaml: expected keys and values"),
        ("- model", "planner.yaml: expected keys and values"),
        ("task: binary", "planner.yaml:1: model: this key is required"),
        ("model: [m", "planner.yaml:1: not valid YAML"),
        ("model: m\n---\nmodel: n", "planner.yaml:2: not valid YAML"),
        ("model: &a [*a]", "planner.yaml: not valid YAML"),
        ("model: " + "[" * 5_000, "planner.yaml: not valid YAML"),
        ("model: m\npositive: !!python/object:os.system x", "planner.yaml:2: positive: 'x' cannot be read"),
        ("model: m\nthreshold: 2014-02-31", "planner.yaml:2: threshold: '2014-02-31' cannot be read"),
    ],
)
def test_what_is_no_definition_says_so(text: str, said: str) -> None:
    assert problems(text)[0].startswith(said)


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(DefinitionFileError, match=r"absent\.yaml: cannot be read: No such file"):
        load_definition(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DefinitionFileError, match="not UTF-8"):
        load_definition(tmp_path / "binary.yaml")


def test_the_reference_lies_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("model: m\nreference: {file: data/feb.csv}")
    assert load_definition(path).reference_path == tmp_path / "data" / "feb.csv"
