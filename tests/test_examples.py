"""The gallery: few scripts, short ones, all of them run by the build of the manual, which alone makes pictures."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "examples").rglob("*.py"))
PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf"}
pytestmark = pytest.mark.skipif(not SCRIPTS, reason="not a checkout")


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def test_there_are_at_most_twelve_scripts():
    assert len(SCRIPTS) <= 12


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_each_script_is_short_and_begins_with_its_title(script):
    text = read(script)
    assert len(text.splitlines()) <= 60
    title, line, empty, *introduction = ast.get_docstring(ast.parse(text)).splitlines()
    assert (line, empty) == ("=" * len(title), "")
    assert " ".join(introduction).endswith(".")


def test_the_gallery_lists_every_script_and_no_other():
    listed = ast.literal_eval(re.search(r"^GALLERY = (\[.*?\])$", read("docs/conf.py"), re.MULTILINE | re.DOTALL)[1])
    assert sorted(listed) == [script.relative_to(ROOT / "examples").as_posix() for script in SCRIPTS]


def test_pictures_of_a_page_are_drawn_by_scripts_that_it_links():
    for page in [*(ROOT / "docs").glob("*.rst"), *(ROOT / "docs").glob("*.md")]:
        text = read(page)
        for picture in re.findall(r"^\.\. (?:figure|image):: (\S+)", text, re.MULTILINE):
            name = re.fullmatch(r"gallery/images/sphx_glr_(\w+)_\d{3}\.png", picture)[1]
            assert (ROOT / "examples" / f"{name}.py").is_file()
            assert f"<sphx_glr_gallery_{name}.py>" in text


def test_no_picture_is_stored():
    built = [ROOT / line for line in read(".gitignore").splitlines() if line.startswith("docs/")]
    assert ROOT / "docs/gallery" in built
    for path in [*(ROOT / "docs").rglob("*"), *(ROOT / "examples").rglob("*")]:
        assert path.suffix.lower() not in PICTURES or not set(built).isdisjoint(path.parents)
