"""manifest.json: unknown keys and wrong values are refused with one line that names them."""

import json
from pathlib import Path
from typing import Any

import pytest

from opcua_ai.core.errors import BundleError
from opcua_ai.inference.manifest import Manifest, OutputSpec, parse_manifest
from opcua_ai.inference.samples import sample_manifest

FILE = Path("models/m/1.0.0/manifest.json")


def raw() -> dict[str, Any]:
    output = OutputSpec(name="y", type="value", unit="kW")
    return json.loads(sample_manifest("linear", "regression", (output,)).model_dump_json())


def parse(value: dict[str, Any]) -> Manifest:
    return parse_manifest(json.dumps(value).encode(), FILE)


def test_it_survives_a_round_trip() -> None:
    manifest = parse(raw())
    assert parse_manifest(manifest.model_dump_json().encode(), FILE) == manifest
    assert manifest.inputs[0].name == "A"
    assert manifest.rows == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": "red"}, ["colour", "unknown key"]),
        ({"rows": 0}, ["rows", "0", "greater than or equal to 1"]),
        ({"kind": "os.system"}, ["kind = 'os.system'", "no such kind", "keras, linear"]),
        ({"task": "poetry"}, ["task", "'poetry'", "'fault' or 'regression'"]),
        ({"version": "latest"}, ["version", "'latest'"]),
        ({"out_of_range": "ignore"}, ["out_of_range", "'ignore'", "uncertain"]),
        ({"files": {"../x": "0" * 64}}, ["files", "../x"]),
        ({"denoise": {"method": "median", "rows": 0}}, ["denoise.rows", "0"]),
        ({"format": 2}, ["format", "2"]),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(BundleError) as caught:
        parse({**raw(), **change})
    text = str(caught.value)
    assert str(FILE) in text and "\n" not in text
    for word in words:
        assert word in text


def test_a_missing_key_is_named() -> None:
    value = raw()
    del value["period_s"]
    with pytest.raises(BundleError, match="period_s: required key is missing"):
        parse(value)


def test_no_json() -> None:
    with pytest.raises(BundleError, match="not JSON"):
        parse_manifest(b"{", FILE)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({"name": "y", "type": "classes"}, "two labels"),
        ({"name": "y", "type": "score", "labels": ["a", "b"]}, "only an output of type"),
        ({"name": "y", "type": "classes", "labels": ["a", "a"]}, "not unique"),
        ({"name": "y", "type": "classes", "labels": ["a", "b"], "normal_label": "c"}, "'c'"),
        ({"name": "y", "type": "classes", "labels": ["a", "b"], "descriptions": ["x"]}, "as many"),
    ],
)
def test_outputs_fit_their_type(output: dict[str, Any], words: str) -> None:
    with pytest.raises(BundleError, match=words):
        parse({**raw(), "outputs": [output]})


def test_inputs_have_different_names_and_ordered_limits() -> None:
    value = raw()
    value["inputs"][1]["name"] = "A"
    with pytest.raises(BundleError, match="not unique"):
        parse(value)
    value = raw()
    value["inputs"][0]["low"] = 2000.0
    with pytest.raises(BundleError, match="not below high"):
        parse(value)
