"""Settings of indexer.toml: the stack's own and those of --set KEY=VALUE."""

import json
import re
import tomllib

from .errors import UsageError


def parse_override(text):
    """'fetch.concurrency=4' -> ('fetch.concurrency', 4): TOML values when they parse, else text."""
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+", key):
        raise UsageError(f"--set wants SECTION.KEY=VALUE, not '{text}'")
    return key, parse_value(value)


def parse_value(text):
    try:
        value = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    only = value["value"] if set(value) == {"value"} else text
    return only if isinstance(only, (bool, int, float, str, list)) else text


def to_toml(settings):
    """Renders {'section.key': value} with one table per section."""
    tables = {}
    for key, value in settings.items():
        section, _, name = key.rpartition(".")
        tables.setdefault(section, {})[name] = value
    blocks = []
    for section in sorted(tables):
        lines = [f"{name} = {toml_value(value)}" for name, value in tables[section].items()]
        blocks.append("\n".join([f"[{section}]", *lines]))
    return "\n\n".join(blocks) + "\n"


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml_value(item)}" for name, item in value.items()) + " }"
    # A JSON string is a TOML basic string but for DEL, which TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
