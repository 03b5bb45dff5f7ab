"""The worked examples: each has a script, a page that shows it, and a picture."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
pytestmark = pytest.mark.skipif(not SCRIPTS, reason="not a checkout")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_each_script_is_short_and_has_its_page_and_picture(script):
    text = script.read_text(encoding="utf-8")
    page = (ROOT / "docs" / f"{script.stem}.rst").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert f"literalinclude:: ../examples/{script.name}" in page
    pictures = re.findall(r"figure:: (\S+)", page)
    assert pictures
    for picture in pictures:
        assert (ROOT / "docs" / picture).is_file()
        assert f"../docs/{picture}" in text
