"""Names as pictures write them: short, and still different."""

import pytest

from nonneg.explain.words import shortened, shortened_all


def test_a_long_name_loses_its_middle():
    assert shortened("  a\tshort\nname ") == "a short name"
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 10) == "abcde…hijk"


def test_names_that_would_look_alike_show_what_tells_them_apart():
    metals = [f"concentration of {metal} in blood plasma" for metal in ("lead", "zinc", "copper")]
    assert shortened_all([*metals, "iron"], 12) == ["…of lead…", "…of zinc…", "…of copper…", "iron"]
    assert shortened_all(metals[:2]) == ["concentration of lead…", "concentration of zinc…"]
    assert shortened_all(metals, 100) == metals
    # All words of one are at the ends of the other: it keeps one.
    both = ["one name of a plain thing of one name", "one name of one name"]
    assert shortened_all(both, 16) == ["…a plain…of one…", "…one…"]


@pytest.mark.parametrize("most", [8, 24])
def test_names_of_one_word_are_numbered(most):
    letters = "abcdefghijklmnopqrstuvwxyz"
    labels = shortened_all([f"{letters}{i}{letters}" for i in range(12)], most)
    assert len(set(labels)) == 12
    assert max(map(len, labels)) <= most
    assert labels[11].endswith("(12)")


def test_equal_names_stay_equal():
    long = "the same name of two rows, and a long one"
    assert shortened_all([long, long]) == [shortened(long)] * 2
    assert shortened_all([]) == []
