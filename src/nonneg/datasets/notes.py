"""Notes of an instrument that we make up, with the truth of what is played when."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from sklearn.utils import Bunch

from nonneg.data import Array
from nonneg.datasets.check import check_noise
from nonneg.datasets.spectrogram import magnitudes, middles, windows_of

DESCR = """\
Tones of eight harmonics that die away like those of a plucked string: each note alone, then random chords. All is
computed, nothing recorded.
"""

RATE = 8000
WINDOW, HOP = 1024, 256
# Samples of a chord while it sounds freely, and while it is damped.
HELD, RELEASED = int(0.45 * RATE), int(0.05 * RATE)
BEAT = HELD + RELEASED
HARMONICS = range(1, 9)
LOWEST, HIGHEST = 36, 96
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def make_notes(
    notes: Sequence[int] = (60, 64, 67, 71), *, chords: int = 12, noise: float = 0.0, seed: int = 0
) -> Bunch:
    """Return the magnitude spectrogram of harmonic notes, played alone and in chords, with the piano roll.

    First each note sounds alone, then follow the chords, half a second each. A chord holds each note with a chance of
    one half, at least one; how loud a note is, is drawn anew each time. Harmonic h of a note is 1/h as strong as the
    first. Magnitudes are those of a Fourier transform over 1024 samples, every 256 samples, 8000 samples a second.

    The magnitude of a sum is not the sum of the magnitudes, so the data are near W H and not equal to it, even
    without noise. They are all but equal where one note sounds; not where harmonics of two notes meet, nor while a
    note begins or is damped. The relative error of the default arguments is 0.25.

    Parameters
    ----------
    notes : sequence of int
        MIDI numbers (69 is 440 Hz, 12 an octave), each different, from 36 (65 Hz) to 96 (2093 Hz).
    chords : int
        Chords after the single notes, at least 0.
    noise : float
        Standard deviation of the Gaussian noise in the sound, relative to the root mean square of the sound; at
        least 0.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    Bunch
        data : float64 array of shape (moments, 513), one moment a row
        W : float64 array of shape (moments, notes), how loud each note is
        H : float64 array of shape (notes, 513), the spectrum of each note at loudness 1
        playing : bool array of shape (moments, notes), the piano roll: whether the note is held at that moment
        notes : int array of shape (notes,), the MIDI numbers
        note_names : str array of shape (notes,), like "A4"
        times : float64 array of shape (moments,), seconds from the beginning to the middle of each window
        frequencies : float64 array of shape (513,), in Hz
        sound : float64 array of shape (samples,), the sound itself, from -1 to 1 without noise
        rate : int, samples in a second
        DESCR : str

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from nonneg.datasets import make_notes
    >>> made = make_notes()
    >>> made.data.shape, made.note_names.tolist()
    ((247, 513), ['C4', 'E4', 'G4', 'B4'])
    """
    numbers = _checked(notes)
    check_noise(noise)
    if not isinstance(chords, Integral) or chords < 0:
        raise ValueError(f"chords must be a whole number, at least 0; got {chords!r}.")
    k = len(numbers)
    random = np.random.default_rng(seed)
    score = np.vstack([np.eye(k, dtype=bool), _chords(random, chords, k)])
    envelopes = np.kron(score * random.uniform(0.5, 1, score.shape), _pluck()[:, None])
    tones = _tones(random, numbers, len(envelopes))
    sound = (envelopes * tones).sum(axis=1)
    loudest = np.abs(sound).max()
    sound /= loudest
    sound += noise * np.sqrt(np.mean(sound**2)) * random.standard_normal(len(sound))

    data = magnitudes(sound, WINDOW, HOP)
    hann = np.hanning(WINDOW) / np.hanning(WINDOW).sum()
    middle = middles(len(data), WINDOW, HOP)
    beat, moment = np.divmod(middle, BEAT)
    return Bunch(
        data=data,
        W=np.stack([windows_of(envelope, WINDOW, HOP) @ hann for envelope in envelopes.T], axis=1) / loudest,
        H=np.stack([magnitudes(tone, WINDOW, HOP).mean(axis=0) for tone in tones.T]),
        playing=score[beat] & (moment < HELD)[:, None],
        notes=numbers,
        note_names=np.array([f"{NAMES[number % 12]}{number // 12 - 1}" for number in numbers]),
        times=middle / RATE,
        frequencies=np.fft.rfftfreq(WINDOW, 1 / RATE),
        sound=sound,
        rate=RATE,
        DESCR=DESCR,
    )


def _checked(notes: Sequence[int]) -> Array:
    numbers = np.asarray(notes)
    if numbers.ndim != 1 or not numbers.size or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(f"notes must be a sequence of MIDI numbers, at least one, got {notes!r}.")
    if len(np.unique(numbers)) < len(numbers):
        raise ValueError(f"notes must differ from each other, got {notes!r}.")
    if numbers.min() < LOWEST or numbers.max() > HIGHEST:
        raise ValueError(f"notes must be MIDI numbers from {LOWEST} to {HIGHEST}, got {notes!r}.")
    return numbers


def _chords(random: np.random.Generator, chords: int, k: int) -> Array:
    """Return which of k notes each chord holds."""
    held = random.random((chords, k)) < 0.5
    held[np.arange(chords), random.integers(k, size=chords)] = True
    return held


def _pluck() -> Array:
    """Return how loud a note is in the samples of its beat: a swift attack, a slow decay, a damper at the end."""
    seconds = np.arange(BEAT) / RATE
    attack, damper = np.minimum(seconds / 0.01, 1), np.minimum((BEAT - np.arange(BEAT)) / RELEASED, 1)
    loudness: Array = attack * np.exp(-seconds / 0.4) * damper
    return loudness


def _tones(random: np.random.Generator, numbers: Array, samples: int) -> Array:
    """Return each note as it sounds for ever, without the harmonics that the rate cannot hold: (samples, notes)."""
    seconds = np.arange(samples)[:, None] / RATE
    pitches = 440 * 2 ** ((numbers - 69) / 12)
    tones = np.zeros((samples, len(numbers)))
    for harmonic in HARMONICS:
        phases = random.uniform(0, 2 * np.pi, len(numbers))
        waves = np.sin(2 * np.pi * harmonic * pitches * seconds + phases) / harmonic
        tones += np.where(harmonic * pitches < RATE / 2, waves, 0)
    return tones
