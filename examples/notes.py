"""
Notes of a melody
=================

A spectrogram has a row for each moment and a column for each frequency. NMF takes it apart into notes: H says how
each sounds, W when.
"""

import matplotlib.pyplot as plt
import numpy as np

import nonneg
from nonneg.datasets import make_notes

notes = make_notes()
result = nonneg.factorize(notes.data, 4, loss="kullback-leibler", n_init=5, seed=0)
result = result.named(rows=notes.times, features=notes.frequencies)
order, similarity = nonneg.inspect.match(notes.H, result)
for j, name in enumerate(notes.note_names):
    played = np.corrcoef(result.W[:, order[j]], notes.playing[:, j])[0, 1]
    alike = f"cosine with its true spectrum {similarity[j]:.3f}"
    print(f"{name} is part {order[j] + 1}: {alike}, correlation with the score {played:.2f}")

# %%
# Left, a note: a fundamental and its overtones. Right, when it sounds. The score, in grey, says only on or off, but a
# tone fades, so that they cannot agree wholly.

figure, axes = plt.subplots(4, 2, figsize=(9, 6), sharex="col", layout="constrained")
nonneg.plots.parts(result, unit="frequency (Hz)", axes=axes[:, 0])
nonneg.plots.parts(result, side="W", unit="time (s)", axes=axes[:, 1])
for j, part in enumerate(order):
    axes[part, 0].set_title(f"part {part + 1}: {notes.note_names[j]}")
    axes[part, 1].set_title(f"{100 * result.share[part]:.0f} % of the sound")
    top = axes[part, 1].get_ylim()[1]
    axes[part, 1].fill_between(notes.times, notes.playing[:, j] * top, step="mid", color="0.9", lw=0, zorder=0)
plt.setp(axes[:-1], xlabel="")
plt.show()
