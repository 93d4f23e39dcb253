from opcua_ai.core.config import Asset
from opcua_ai.core.types import Tag
from opcua_ai.windows.matching import match_inputs

TAGS = [Tag(path, path) for path in ("L1/R/T(1)", "L1/R/P(1)", "L2/R/T(1)", "L2/R/P(1)")]


def asset(inputs: str | list[str]) -> Asset:
    return Asset(source="plant", inputs=inputs)


def test_a_pattern_matches_by_browse_name_in_the_models_order() -> None:
    match = match_inputs(asset("L2/*"), ["P(1)", "T(1)"], TAGS)
    assert match.columns == [3, 2]
    assert not match.problems


def test_an_ambiguous_input_is_left_out_rather_than_guessed() -> None:
    match = match_inputs(asset("*"), ["T(1)"], TAGS)
    assert match.columns == [-1]
    assert "'T(1)' is ambiguous: L1/R/T(1), L2/R/T(1)" in match.problems[0]


def test_a_slash_in_a_browse_name_is_escaped_in_the_path() -> None:
    assert match_inputs(asset("L2/*"), ["a/b"], [*TAGS, Tag("L2/a%2Fb", "")]).columns == [4]


def test_a_missing_tag_is_reported_with_its_near_misses() -> None:
    match = match_inputs(asset("L1/*"), ["T(1)", "P(2)"], TAGS)
    assert match.columns == [0, -1]
    assert match.problems == ["no tag 'P(2)' matches 'L1/*'; near: P(1)"]


def test_a_list_gives_the_browse_paths_themselves() -> None:
    match = match_inputs(asset(["L2/R/T(1)", "L9/R/P(1)"]), ["a", "b"], TAGS)
    assert match.columns == [2, -1]
    assert "no tag 'L9/R/P(1)'; near: " in match.problems[0]


def test_a_list_of_the_wrong_length_is_reported() -> None:
    match = match_inputs(asset(["L2/R/T(1)"]), ["a", "b"], TAGS)
    assert match.columns == [2, -1]
    assert match.problems == ["inputs lists 1 tags, the model has 2"]
