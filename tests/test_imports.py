"""`import nonneg` costs what a fit needs, and no more."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nonneg

HEAVY = {
    *("IPython", "PIL", "anndata", "click", "dask", "h5py", "jinja2", "matplotlib", "narwhals", "nimfa", "numba"),
    *("pandas", "plotly", "polars", "pyarrow", "pytest", "rich", "torch", "typer", "xarray", "zarr"),
}
FIT = """
import numpy as np, scipy.sparse
X = np.random.default_rng(0).random((120, 110))
for data in (X, scipy.sparse.csr_array(X)):
    for start in ("random", "nndsvd", "nndsvda", "nndsvdar", "spa", None):
        result = nonneg.factorize(data, 3, start=start, seed=0, penalty=nonneg.Penalty(0.001))
        result.transform(data, exact=True)
result.save("model.npz")
print(repr(nonneg.load("model.npz")), result._repr_html_(), file=sys.stderr)
"""


def modules_after(script, folder):
    """Return the modules that a fresh interpreter holds after a script."""
    script = f"import sys\n{script}\nimport json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Modules that are there before nonneg comes: site-packages may start some by themselves."""
    return modules_after("", tmp_path_factory.mktemp("bare"))


def roots(modules):
    return {name.split(".")[0] for name in modules}


def test_import_loads_nothing_heavy(bare, tmp_path):
    loaded = modules_after("import nonneg", tmp_path) - bare
    assert "nonneg" in loaded
    assert not roots(loaded) & HEAVY


def test_a_fit_needs_no_estimators(bare, tmp_path):
    loaded = modules_after(f"import nonneg\n{FIT}", tmp_path) - bare
    assert not roots(loaded) & (HEAVY | {"sklearn"})
    assert "nonneg.estimators" not in loaded


def test_the_estimators_need_scikit_learn_only(bare, tmp_path):
    loaded = modules_after("from nonneg import NMF, non_negative_factorization", tmp_path) - bare
    assert "nonneg.estimators" in loaded
    theirs = modules_after("import sklearn.decomposition", tmp_path)
    assert not roots(loaded) & (HEAVY - roots(theirs))


def test_numbers_need_no_pictures_and_no_tables(bare, tmp_path):
    script = "import nonneg\nnonneg.inspect.row_shares(nonneg.factorize([[1.0, 2.0]], 1))"
    loaded = modules_after(script, tmp_path) - bare
    assert "nonneg.explain.inspect" in loaded
    assert not roots(loaded) & HEAVY


def test_everything_public_is_there():
    import nonneg

    for name in nonneg.__all__:
        assert getattr(nonneg, name) is not None, name
    assert set(nonneg.__all__) <= set(dir(nonneg))
    with pytest.raises(AttributeError, match="module 'nonneg' has no attribute 'nothing'"):
        nonneg.nothing  # noqa: B018


def test_the_rooms_take_nothing_but_the_kernels_from_the_package():
    for room in ("data", "solve"):
        for file in (Path(nonneg.__file__).parent / room).glob("*.py"):
            assert set(re.findall(r"^(?:from nonneg import .*|import nonneg.*)$", file.read_text(), re.M)) <= {
                "from nonneg import _core"
            }


def test_public_rooms_can_be_imported_by_name(tmp_path):
    loaded = modules_after(
        "from nonneg.inspect import match\nimport nonneg\nassert nonneg.inspect.match is match", tmp_path
    )
    assert "matplotlib" not in roots(loaded)
    modules_after("from nonneg.plots import parts\nimport nonneg\nassert nonneg.plots.parts is parts", tmp_path)
