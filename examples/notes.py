"""
Notes of a melody
=================

A spectrogram has a row for each moment and a column for each frequency. Its parts are notes, and W is the score.
"""

import matplotlib.pyplot as plt
import numpy as np

import nonneg
from nonneg.datasets import make_notes

notes = make_notes()
X = notes.data
result = nonneg.factorize(X, 4, loss="kullback-leibler", n_init=5, seed=0)
result = result.named(rows=notes.times, features=notes.frequencies)
order, similarity = nonneg.inspect.match(notes.H, result)
for name, part, alike in zip(notes.note_names, order, similarity, strict=True):
    played = np.corrcoef(result.W[:, part], notes.playing[:, notes.note_names.tolist().index(name)])[0, 1]
    print(f"{name:3} is part {part + 1}: cosine of its spectrum {alike:.3f}, correlation with the score {played:.2f}")

# %%
# The parts: a fundamental and its harmonics each.

nonneg.plots.parts(result, unit="Hz")
plt.show()

# %%
# When each of them sounds.

nonneg.plots.parts(result, side="W", unit="s")
plt.show()
