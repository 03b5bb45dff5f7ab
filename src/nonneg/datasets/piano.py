"""Notes of a piano, with the truth of what is played when: a soundfont of pretty_midi, played by tinysoundfont."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from sklearn.utils import Bunch

from nonneg.data import Array
from nonneg.datasets.shipped import read_shipped
from nonneg.datasets.spectrogram import magnitudes, middles

DESCR = """\
Four notes of a piano (D flat, F and A flat of one octave, C of the next), first all together, then in all six pairs,
two seconds each: sampled tones of the soundfont TimGM6mb by Tim Brechbill (GPL-2), which ships with the package
pretty_midi 0.2.11.post0, played by the package tinysoundfont 0.3.7; nonneg ships neither. The score is that of

C. Fevotte, N. Bertin, J.-L. Durrieu (2009). Nonnegative matrix factorization with the Itakura-Saito divergence: with
application to music analysis. Neural Computation 21, 793-830. doi:10.1162/neco.2008.04-08-771
"""

INSTALL = "pip install --no-deps pretty_midi==0.2.11.post0 tinysoundfont==0.3.7"
NOTES = (61, 65, 68, 72)
RATE = 22050
WINDOW, HOP = 1024, 512
# Samples of a chord while its keys are held, and of the tenth of a second in which it dies away.
HELD, RELEASED = 2 * RATE, RATE // 10


def load_piano() -> Bunch:
    """Return the magnitude spectrogram of four piano notes, played together and in pairs.

    Magnitudes are those of a Fourier transform over 1024 samples, every 512 samples.

    Returns
    -------
    Bunch
        data : float32 array of shape (632, 513), one moment a row
        times : float64 array of shape (632,), seconds from the beginning to the middle of each window
        frequencies : float64 array of shape (513,), in Hz
        notes : int array of shape (4,), the notes as MIDI numbers (69 is 440 Hz, 12 an octave)
        playing : bool array of shape (632, 4), whether the key of the note is down at that moment
        sound : float32 array of shape (samples,), the sound itself, from -1 to 1
        rate : int, samples in a second
        DESCR : str, where it comes from

    Raises
    ------
    ImportError
        If pretty_midi or tinysoundfont is missing.
    """
    (soundfont,) = read_shipped(
        "pretty_midi", ["pretty_midi/TimGM6mb.sf2"], what="The tones of the piano are", install=INSTALL
    )
    chords = [NOTES, *combinations(NOTES, 2)]
    sound = _play(soundfont, chords)
    data = magnitudes(sound, WINDOW, HOP)
    middle = middles(len(data), WINDOW, HOP)
    chord, moment = np.divmod(middle, HELD + RELEASED)
    down = np.array([[note in played for note in NOTES] for played in chords])
    return Bunch(
        data=data.astype(np.float32),
        times=middle / RATE,
        frequencies=np.fft.rfftfreq(WINDOW, 1 / RATE),
        notes=np.array(NOTES),
        playing=down[chord] & (moment < HELD)[:, None],
        sound=sound,
        rate=RATE,
        DESCR=DESCR,
    )


def _play(soundfont: bytes, chords: list[tuple[int, ...]]) -> Array:
    """Return the sound of chords, one after the other, on the first instrument of a soundfont."""
    try:
        from tinysoundfont import Synth
    except ImportError as error:
        raise ImportError(f"The notes are played by tinysoundfont, which is missing: {INSTALL}.") from error
    piano = Synth(samplerate=RATE)
    piano.program_select(0, piano.sfload(soundfont), 0, 0)
    pieces = []
    for chord in chords:
        for note in chord:
            piano.noteon(0, note, 100)
        pieces.append(bytes(piano.generate(HELD)))
        for note in chord:
            piano.noteoff(0, note)
        pieces.append(bytes(piano.generate(RELEASED)))
    stereo = np.frombuffer(b"".join(pieces), np.float32).reshape(-1, 2)
    sound: Array = stereo.mean(axis=1)
    return sound
