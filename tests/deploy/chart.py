"""A chart rendered: the part of Helm's template language that ours is written in; anything else is an error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

__all__ = ["CHART", "render", "values"]

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "cds-service"
Token = tuple[str, str]
Node = Any


def values(**overriding: Any) -> dict[str, Any]:
    """Return the chart's values, some of them others."""
    given: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return given | overriding


def render(**overriding: Any) -> dict[str, Any]:
    """Return the resources of the chart, by kind; of a template that renders to nothing there is none."""
    about = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    root = {
        "Values": values(**overriding),
        "Release": {"Name": "necessity"},
        "Chart": {"AppVersion": about["appVersion"]},
    }
    defined: dict[str, list[Node]] = {}
    _text(_parsed(CHART / "templates" / "_helpers.tpl", defined), {".": root, "$": root}, defined)
    found = {}
    for place in sorted((CHART / "templates").glob("*.yaml")):
        written = _text(_parsed(place, defined), {".": root, "$": root}, defined)
        resource = yaml.safe_load(written)
        if resource is not None:
            found[resource["kind"]] = resource
    return found


def _parsed(place: Path, defined: dict[str, list[Node]]) -> list[Node]:
    tokens = iter(list(_tokens(place.read_text(encoding="utf-8"))))
    nodes, ended = _nodes(tokens, defined)
    assert ended == "", f"{place.name}: `{ended}` without a beginning"
    return nodes


def _tokens(text: str) -> Iterator[Token]:
    for i, part in enumerate(re.split(r"(\{\{.*?\}\})", _trimmed(text), flags=re.DOTALL)):
        yield ("code", part[2:-2].strip()) if i % 2 else ("text", part)


def _trimmed(text: str) -> str:
    return re.sub(r"-\}\}\s*", "}}", re.sub(r"\s*\{\{-", "{{", text))


def _nodes(tokens: Iterator[Token], defined: dict[str, list[Node]]) -> tuple[list[Node], str]:
    """Return what stands before the next `else` or `end`, and that word; an empty one at the end of the file."""
    nodes: list[Node] = []
    for kind, part in tokens:
        word = part.split(" ")[0] if kind == "code" else ""
        if word in ("else", "end"):
            return nodes, word
        if word in ("if", "with", "range", "define"):
            inside, ended = _nodes(tokens, defined)
            others, ended = _nodes(tokens, defined) if ended == "else" else ([], ended)
            assert ended == "end", f"`{part}` has no end"
            if word == "define":
                defined[part.split('"')[1]] = inside
            else:
                nodes.append((word, part.removeprefix(word).strip(), inside, others))
        else:
            nodes.append((kind, part))
    return nodes, ""


def _text(nodes: list[Node], scope: Mapping[str, Any], defined: dict[str, list[Node]]) -> str:
    return "".join(_of(node, scope, defined) for node in nodes)


def _of(node: Node, scope: Mapping[str, Any], defined: dict[str, list[Node]]) -> str:
    match node:
        case ("text", text):
            return str(text)
        case ("code", code):
            found = _value(code, scope, defined)
            return str(found).lower() if isinstance(found, bool) else str(found)
        case ("if", code, inside, others):
            return _text(inside if _value(code, scope, defined) else others, scope, defined)
        case ("with", code, inside, others):
            found = _value(code, scope, defined)
            return _text(inside, {**scope, ".": found}, defined) if found else _text(others, scope, defined)
        case ("range", code, inside, _):
            names, _, over = code.partition(":=")
            key, value = (one.strip() for one in names.split(","))
            items = sorted(_value(over.strip(), scope, defined).items())
            return "".join(_text(inside, {**scope, key: k, value: v, ".": v}, defined) for k, v in items)
    raise AssertionError(node)


def _value(code: str, scope: Mapping[str, Any], defined: dict[str, list[Node]]) -> Any:
    first, *pipes = (one.strip() for one in code.split("|"))
    found = _call(first.split(" "), scope, defined)
    for pipe in pipes:
        found = _call([*pipe.split(" "), found], scope, defined)
    return found


def _call(parts: list[Any], scope: Mapping[str, Any], defined: dict[str, list[Node]]) -> Any:
    name, *given = parts
    if not isinstance(name, str) or name.startswith((".", "$")):
        return _at(name, scope)
    arguments = [_at(one, scope) if isinstance(one, str) and one.startswith((".", "$")) else one for one in given]
    match name, arguments:
        case "include", [called, _]:
            return _text(defined[called.strip('"')], scope, defined)
        case "quote", [value]:
            return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
        case "default", [other, value]:
            return value or other
        case "toYaml", [value]:
            return yaml.safe_dump(value, default_flow_style=False).rstrip("\n")
        case "nindent", [width, text]:
            return "\n" + "\n".join(f"{' ' * int(width)}{line}" if line else "" for line in str(text).split("\n"))
    raise AssertionError(f"not rendered here: {parts}")


def _at(path: str, scope: Mapping[str, Any]) -> Any:
    if path in scope:
        return scope[path]
    found: Any = scope["."]
    for step in path.lstrip("$").lstrip(".").split("."):
        assert isinstance(found, dict), f"`{path}` is not among the values"
        assert step in found, f"`{path}` is not among the values"
        found = found[step]
    return found
