"""Fields of one line of JSON by their paths, in bounded number and size."""

import orjson

ITEMS = "\n"
MOST_FIELDS = 400
MOST_CHARACTERS = 8_192
_MOST_DEPTH = 12


def json_fields(text: str) -> dict[str, str]:
    """Return the fields of an object by dotted paths, items of lists by their places.

    A list of plain values is also there as a whole, its values with `ITEMS` between. Empty where
    the text is no object.

    >>> json_fields('{"user": {"name": "ana", "groups": ["a"]}, "ok": true}')
    {'user.name': 'ana', 'user.groups': 'a', 'user.groups.0': 'a', 'ok': 'true'}
    """
    try:
        whole = orjson.loads(text)
    except ValueError:
        return {}
    fields: dict[str, str] = {}
    if isinstance(whole, dict):
        _add(whole, "", fields, _MOST_DEPTH)
    return fields


def _add(value: object, path: str, fields: dict[str, str], depth: int) -> None:
    if len(fields) >= MOST_FIELDS or depth == 0:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            _add(inner, f"{path}.{name}" if path else name, fields, depth - 1)
    elif isinstance(value, list):
        plain = [_text(each) for each in value if not isinstance(each, dict | list)]
        if plain:
            fields[path] = ITEMS.join(plain)[:MOST_CHARACTERS]
        for place, inner in enumerate(value):
            _add(inner, f"{path}.{place}", fields, depth - 1)
    elif value is not None:
        fields[path] = _text(value)[:MOST_CHARACTERS]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
