"""Each decision has a number of its own, the same in its file's name and in its heading."""

from tests.architecture.sources import ROOT


def test_decisions_are_numbered() -> None:
    files = sorted((ROOT / "docs/decisions").glob("0*.md"))
    numbers = [int(file.name.split("-")[0]) for file in files]
    assert len(set(numbers)) == len(numbers) > 0, sorted(file.name for file in files)
    assert [
        file.name
        for file, number in zip(files, numbers, strict=True)
        if not file.read_text().startswith(f"# {number}.")
    ] == []
