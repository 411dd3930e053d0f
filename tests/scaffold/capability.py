"""Write a new capability into a checkout: `make capability SERVICE=loyalty NAME=gifts`.

The capability that is written works: it has a table, a use case, a query, two operations, refusals in both languages and
a test. It becomes the highest capability of its service. Change it into what you need, and delete what you do not.
`template/` holds the files; in them `gifts`, `gift` and `loyalty` stand for the capability, one of its things and the
service.
"""

import builtins
import io
import keyword
import re
import subprocess
import sys
import tokenize
from pathlib import Path

TEMPLATE = Path(__file__).parent / "template"
NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
USAGE = "usage: make capability SERVICE=loyalty NAME=gifts (a plural noun in lower case)"


def write_capability(checkout: Path, service: str, name: str) -> list[Path]:
    """Write the files of a capability and name it where a service lists its capabilities; return what was written.

    Raises ValueError when the service does not exist, or the name cannot be used.
    """
    folder = checkout / "services" / service
    if not NAME.fullmatch(name) or not (folder / "main.py").is_file():
        raise ValueError(f"{USAGE}; there is no service {service!r}, or {name!r} is not such a noun")
    if (folder / name).exists() or (folder / f"{name}.py").exists():
        raise ValueError(f"{folder / name} exists already")
    if reason := _unusable(folder, name):
        raise ValueError(f"{USAGE}; {reason}")
    written = _copy(TEMPLATE / "service", folder / name, service, name)
    written += _copy(TEMPLATE / "tests", checkout / "tests" / service / name, service, name)
    for language in ("en", "zh"):
        words = folder / "words" / f"{language}.toml"
        sentences = _filled((TEMPLATE / f"words.{language}.toml.txt").read_text("utf-8"), service, name)
        words.write_text(words.read_text("utf-8").rstrip("\n") + "\n" + sentences, "utf-8")
    main_module = folder / "main.py"
    main_module.write_text(_listed(main_module.read_text("utf-8"), service, name), "utf-8")
    project = checkout / "pyproject.toml"
    project.write_text(_layered(project.read_text("utf-8"), service, name), "utf-8")
    return written


def _unusable(folder: Path, name: str) -> str | None:
    """Return why the files of a capability of this name could not work in the service, or None if they can."""
    thing = _singular(name)
    if len(thing) < 2 or thing == name:
        return f"{name!r} is not a plural, so the capability and one of its things would have the same name"
    class_name = _class_name(thing)
    for word in (name, thing, class_name):
        if keyword.iskeyword(word) or hasattr(builtins, word) or word in _names_in_templates():
            return f"{word!r} means something else in Python or in the files that would be written"
    sentences = (folder / "words/en.toml").read_text("utf-8")
    for code in (f"{thing}_code_taken", f"{thing}_not_found"):
        if f"[{code}]" in sentences:
            return f"{folder.name} has a refusal {code!r} already"
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text("utf-8")
        if re.search(rf'Table\(\s*"{thing}"', text) or f'"/v1/{name}"' in text:
            return f"{path.relative_to(folder)} has a table {thing!r} or a path '/v1/{name}' already"
    return None


def _names_in_templates() -> set[str]:
    """Return the names in the code of the templates, but for those that stand for the new capability."""
    names = set()
    for template in TEMPLATE.rglob("*.py.txt"):
        for token in tokenize.generate_tokens(io.StringIO(template.read_text("utf-8")).readline):
            if token.type == tokenize.NAME:
                names.add(token.string)
    return {name for name in names if "gift" not in name.lower()}


def _copy(source: Path, target: Path, service: str, name: str) -> list[Path]:
    written = []
    for template in sorted(source.rglob("*.txt")):
        path = target / _filled(str(template.relative_to(source)).removesuffix(".txt"), service, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(template.read_text("utf-8"), service, name), "utf-8")
        written.append(path)
    return written


def _filled(text: str, service: str, name: str) -> str:
    """Return a template with the names of the new capability in place of `loyalty`, `gifts` and `gift`."""
    thing = _singular(name)
    replaced = {
        "loyalty": service,
        "gifts": name,
        "gift": thing,
        "Gift": _class_name(thing),
    }
    words = re.compile(r"gifts|loyalty|Gift|gift")
    return words.sub(lambda match: replaced[match.group()], text)


def _class_name(thing: str) -> str:
    return "".join(word.capitalize() for word in thing.split("_"))


def _singular(name: str) -> str:
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name.removesuffix("s")


def _listed(text: str, service: str, name: str) -> str:
    """Return main.py with the capability as the last, so the highest, of its list."""
    text = text.replace(
        f"from services.{service}.settings", f"from services.{service}.{name} import capability as {name}\n"
        f"from services.{service}.settings", 1,
    )  # fmt: skip
    listed = re.search(r"capabilities=\(([^()]*)\)", text)
    assert listed is not None, "main.py lists its capabilities"
    entries = [entry.strip() for entry in listed.group(1).split(",") if entry.strip()]
    return text.replace(listed.group(), f"capabilities=({', '.join([*entries, f'{name}.CAPABILITY'])})")


def _layered(text: str, service: str, name: str) -> str:
    """Return pyproject.toml with the capability as the highest layer, and its rooms held like the others'."""
    order = re.compile(rf'(id = "{service}-capabilities".*?layers = \[\s*"__main__",\s*"main",)', re.DOTALL)
    rooms = re.compile(rf'(id = "{service}-rooms".*?containers = \[)', re.DOTALL)
    if order.search(text) is None or rooms.search(text) is None:
        raise ValueError(f"pyproject.toml lacks {service}-capabilities or {service}-rooms")
    text = order.sub(rf'\1 "{name}",', text, count=1)
    return rooms.sub(rf'\1"services.{service}.{name}", ', text, count=1)


def main(arguments: list[str]) -> int:
    """Write a capability into this checkout, with its migration and its pages."""
    if len(arguments) != 2:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    service, name = arguments
    checkout = Path(__file__).resolve().parents[2]
    try:
        written = write_capability(checkout, service, name)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    binaries = Path(sys.executable).parent
    for command in (
        [str(binaries / "ruff"), "check", "--fix", "-q", f"services/{service}", f"tests/{service}"],
        [str(binaries / "ruff"), "format", "-q", f"services/{service}", f"tests/{service}"],
        [
            sys.executable,
            "-m",
            "shared.db.migrations",
            f"services.{service}",
            f"Add {name.replace('_', ' ')}.",
        ],
        [str(binaries / "ruff"), "check", "--fix", "-q", f"services/{service}"],
        [str(binaries / "ruff"), "format", "-q", f"services/{service}"],
        [sys.executable, "-m", "huitou", "reference"],
    ):
        subprocess.run(command, cwd=checkout, check=True)
    for path in written:
        sys.stdout.write(f"{path.relative_to(checkout)}\n")
    sys.stdout.write(
        f"It is the highest capability of {service}. Next: make check, make test ARGS=tests/{service}/{name}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
