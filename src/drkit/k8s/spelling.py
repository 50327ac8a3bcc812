"""Documents as YAML that people read: keys in their order, texts of several lines as blocks, each remark where what it
is about stands first. A small part of YAML, the same to readers of 1.1 and of 1.2; pyyaml would write no comments.

It must not know what the documents are about.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@-]*(?::[A-Za-z0-9_./@-]+)*|[1-9]\d*(?:m|[KMGT]i)", re.ASCII)
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_ODD = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BLOCK = re.compile(r"[^\s\ufeff][^\n]*(?:\n+[^\n]*)*\n")


def spell_documents(documents: Iterable[Mapping[str, Any]], head: str, remarks: Mapping[str, str]) -> str:
    """A remark's key is `Kind.key.key…`, lists left out; it stands above the first such key."""
    left = dict(remarks)
    text = "".join(f"# {line}".rstrip() + "\n" for line in head.splitlines())
    for document in documents:
        lines = _mapping(document, "", str(document["kind"]), left)
        text += "---\n" + "".join(f"{line}\n" for line in lines)
    return text


def _mapping(value: Mapping[str, Any], pad: str, path: str, left: dict[str, str]) -> Iterator[str]:
    for key, inner in value.items():
        here = f"{path}.{key}"
        yield from (f"{pad}# {line}" for line in left.pop(here, "").splitlines())
        name = f"{pad}{_scalar(key)}:"
        if isinstance(inner, str) and _is_block(inner):
            yield f"{name} |"
            yield from (f"{pad}  {line}" if line else "" for line in inner[:-1].split("\n"))
        elif isinstance(inner, Mapping) and inner:
            yield name
            yield from _mapping(inner, f"{pad}  ", here, left)
        elif isinstance(inner, list) and inner and all(isinstance(each, Mapping) and each for each in inner):
            yield name
            for each in inner:
                first, *rest = _mapping(each, f"{pad}    ", here, left)
                while first.lstrip().startswith("#"):
                    yield first[2:]
                    first, *rest = rest
                yield f"{pad}  - {first.lstrip()}"
                yield from rest
        else:
            yield f"{name} {_flow(inner)}"


def _flow(value: Any) -> str:
    """What stands on one line is spelled as in JSON."""
    if isinstance(value, list):
        return f"[{', '.join(_quoted(each) if isinstance(each, str) else _flow(each) for each in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_quoted(key)}: {_flow(inner)}' for key, inner in value.items())}}}"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False)
    return _ODD.sub(lambda odd: f"\\U{ord(odd[0]):08x}", escaped)


def _is_block(text: str) -> bool:
    return _BLOCK.fullmatch(text) is not None and _ODD.search(text) is None and not text.endswith("\n\n")
