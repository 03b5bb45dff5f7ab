"""Directions, signals, notes and signatures: their truth is true, and it can be found."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import NMF, PCA

import nonneg
from nonneg import Iterations, RelativeDecrease, datasets

GENERATORS = [datasets.make_directions, datasets.make_signals, datasets.make_notes, datasets.make_signatures]


def matched(likeness):
    """Return, for each true part (column), how alike its partner in the best one-to-one match is."""
    found, truth = linear_sum_assignment(likeness, maximize=True)
    return likeness[found, truth][np.argsort(truth)]


def cosines(found, truth):
    found, truth = (F / np.linalg.norm(F, axis=1, keepdims=True) for F in (found, truth))
    return matched(found @ truth.T)


def correlations(found, truth):
    k = found.shape[1]
    return matched(np.abs(np.corrcoef(found.T, truth.T)[:k, k:]))


# --- all of them ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", GENERATORS)
def test_data_depend_on_the_seed_alone(make):
    one, same, other = make(seed=1), make(seed=1), make(seed=2)
    for name, value in one.items():
        assert np.array_equal(value, same[name]), name
    assert one.data.shape == other.data.shape
    assert (one.data != other.data).any()


@pytest.mark.parametrize("make", GENERATORS)
def test_shapes_agree_and_nothing_is_negative(make):
    made = make()
    k = made.W.shape[1]
    assert made.data.dtype == made.W.dtype == made.H.dtype == np.float64
    assert made.W.shape == (len(made.data), k)
    assert made.H.shape == (k, made.data.shape[1])
    assert min(made.data.min(), made.W.min(), made.H.min()) >= 0
    assert len(made.get("feature_names", made.get("frequencies"))) == made.data.shape[1]
    assert isinstance(made.DESCR, str)


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (datasets.make_directions, {"m": 0}, "m must be a whole number, at least 1; got 0"),
        (datasets.make_directions, {"m": "many"}, "m must be a whole number, at least 1; got 'many'"),
        (datasets.make_signals, {"m": 1}, "m must be at least 2: one point of time"),
        (datasets.make_signals, {"n": 1.5}, r"n must be a whole number, at least 1; got 1\.5"),
        (datasets.make_signals, {"noise": -0.1}, r"noise must be finite and at least 0, got -0\.1"),
        (datasets.make_signals, {"seed": -1}, "Seed must be between 0 and"),
        (datasets.make_notes, {"notes": ()}, r"sequence of MIDI numbers, at least one, got \(\)"),
        (datasets.make_notes, {"notes": 60}, "sequence of MIDI numbers, at least one, got 60"),
        (datasets.make_notes, {"notes": [60.5]}, r"sequence of MIDI numbers, at least one, got \[60\.5\]"),
        (datasets.make_notes, {"notes": ["A4"]}, r"sequence of MIDI numbers, at least one, got \['A4'\]"),
        (datasets.make_notes, {"notes": (60, 60)}, r"notes must differ from each other, got \(60, 60\)"),
        (datasets.make_notes, {"notes": (35, 60)}, r"from 36 to 96, got \(35, 60\)"),
        (datasets.make_notes, {"notes": (60, 97)}, r"from 36 to 96, got \(60, 97\)"),
        (datasets.make_notes, {"chords": -1}, "chords must be a whole number, at least 0; got -1"),
        (datasets.make_notes, {"chords": 0.5}, r"chords must be a whole number, at least 0; got 0\.5"),
        (datasets.make_notes, {"noise": np.nan}, "noise must be finite and at least 0, got nan"),
        (datasets.make_signatures, {"m": 0}, "m must be a whole number, at least 1; got 0"),
        (datasets.make_signatures, {"k": 0}, "k must be a whole number, at least 1; got 0"),
        (datasets.make_signatures, {"mutations": 0}, "mutations must be finite and above 0, got 0"),
        (datasets.make_signatures, {"mutations": np.nan}, "mutations must be finite and above 0, got nan"),
    ],
)
def test_what_makes_no_sense_is_refused(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)


# --- directions -----------------------------------------------------------------------------------------


def test_directions_enclose_the_cloud():
    cloud = datasets.make_directions(5000, seed=3)
    assert (cloud.data == cloud.W @ cloud.H).all()
    assert cloud.H.tolist() == [[0.8, 0.2], [0.3, 0.7]]
    angle, edges = (np.arctan2(F[:, 1], F[:, 0]) for F in (cloud.data, cloud.H))
    assert edges[0] <= angle.min()
    assert angle.max() <= edges[1]
    # The cloud fills the wedge, out to its edges.
    assert np.histogram(angle, 10, tuple(edges))[0].min() > 100
    # As documented: amounts from gamma(3), shares evenly distributed.
    amount, share = cloud.W.sum(axis=1), cloud.W[:, 0] / cloud.W.sum(axis=1)
    assert (amount.mean(), amount.var()) == (pytest.approx(3, rel=0.05), pytest.approx(3, rel=0.1))
    assert (share.mean(), share.var()) == (pytest.approx(1 / 2, abs=0.02), pytest.approx(1 / 12, rel=0.05))


def test_directions_are_found_at_the_edges_of_the_cloud():
    cloud = datasets.make_directions(1000)
    result = nonneg.factorize(cloud.data, 2, start="spa", seed=0)
    assert result.relative_error < 1e-6
    assert cosines(result.H, cloud.H).min() > 0.9999


# --- signals --------------------------------------------------------------------------------------------


def test_signals_are_mixtures_of_the_sources():
    made = datasets.make_signals()
    assert made.data.shape == (2000, 100)
    np.testing.assert_allclose(made.data, made.W @ made.H, rtol=1e-14)
    assert (made.sources == made.W).all()
    assert made.sources.min() == 0
    np.testing.assert_allclose(made.sources.std(axis=0), 1)
    assert 0 <= made.H.min() < 0.02
    assert 0.98 < made.H.max() < 1
    assert (made.times[0], made.times[-1]) == (0, 8)
    assert made.source_names.tolist() == ["sine", "square wave", "saw-tooth"]


def test_signals_without_noise_are_the_waves_that_they_name():
    made = datasets.make_signals(8001, 2, noise=0)
    sine, square, saw = made.sources.T
    time = made.times
    assert np.corrcoef(sine, np.sin(2 * time))[0, 1] == pytest.approx(1)
    # Two levels, and the sign of the sine between its zeros; a line that falls once in each unit of time.
    assert np.corrcoef(square, np.sin(3 * time) > 0)[0, 1] > 0.999
    assert np.ptp(square[(time > 0.1) & (time < 1)]) == pytest.approx(0)
    falls = np.flatnonzero(np.diff(saw) < 0)
    np.testing.assert_allclose(time[falls + 1], np.arange(1, 9), atol=2e-3)
    assert np.ptp(np.delete(np.diff(saw), falls)) == pytest.approx(0, abs=1e-12)


def test_signals_have_the_noise_that_is_asked_for():
    clean, noisy = (datasets.make_signals(noise=noise) for noise in (0, 0.2))
    # Standard deviations of the waves, from -1 to 1, are those of their definition.
    for wave, deviation in ((0, 1 / np.sqrt(2)), (1, 1), (2, 1 / np.sqrt(3))):
        signal, other = (made.sources[:, wave] - made.sources[:, wave].mean() for made in (clean, noisy))
        assert np.corrcoef(signal, other)[0, 1] == pytest.approx(1 / np.hypot(1, 0.2 / deviation), abs=0.01)


def test_the_seeds_of_noise_and_mixtures_are_apart():
    made, mixed = datasets.make_signals(), datasets.make_signals(mixing_seed=1)
    assert (made.W == mixed.W).all()
    assert (made.H != mixed.H).any()
    assert (made.H == datasets.make_signals(seed=1).H).all()


def test_default_signals_are_those_of_the_textbook():
    made = datasets.make_signals()
    nmf = NMF(3, random_state=42).fit_transform(made.data)
    np.testing.assert_allclose(correlations(nmf, made.sources), [0.98, 0.92, 0.97], atol=0.02)
    pca = PCA(3).fit_transform(made.data)
    np.testing.assert_allclose(correlations(pca, made.sources), [0.78, 0.79, 0.56], atol=0.01)


def test_signals_are_found():
    made = datasets.make_signals()
    result = nonneg.factorize(made.data, 3, seed=0, stop=[RelativeDecrease(1e-8), Iterations(2000)])
    assert result.relative_error < 1e-6
    assert correlations(result.W, made.sources).min() > 0.95


# --- notes ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scale():
    return datasets.make_notes(range(60, 73), chords=5)


def test_notes_have_the_pitch_that_they_name():
    made = datasets.make_notes([36, 57, 69, 96], chords=0)
    assert made.note_names.tolist() == ["C2", "A3", "A4", "C7"]
    np.testing.assert_allclose(made.frequencies[[0, -1]], [0, made.rate / 2])
    width = made.frequencies[1]
    np.testing.assert_allclose(made.frequencies[made.H.argmax(axis=1)], [65.41, 220, 440, 2093.0], atol=width)


def test_notes_have_eight_harmonics():
    made = datasets.make_notes([69], chords=0)
    spectrum = made.H[0]
    strengths = [spectrum[np.abs(made.frequencies - 440 * h).argmin()] for h in range(1, 10)]
    np.testing.assert_allclose(strengths[:8] / strengths[0], 1 / np.arange(1, 9), rtol=0.15)
    assert strengths[8] < 1e-3 * strengths[0]
    # Between them there is nothing.
    between = np.abs((made.frequencies + 220) % 440 - 220) > 40
    assert spectrum[between].max() < 0.01 * spectrum.max()


def test_harmonics_that_the_rate_cannot_hold_are_left_out():
    made = datasets.make_notes([96], chords=0)  # 2093 Hz: the second harmonic is above 4000 Hz
    assert made.H[0][np.abs(made.frequencies - 2093) > 60].max() < 0.01 * made.H.max()


def test_first_each_note_sounds_alone(scale):
    inside = (scale.times < 13 * 0.5) & (np.abs(scale.times % 0.5 - 0.22) < 0.13)
    beat = (scale.times[inside] // 0.5).astype(int)
    assert set(beat) == set(range(13))
    assert (scale.playing[inside] == np.eye(13)[beat]).all()


def test_every_chord_has_a_note_and_changes(scale):
    middles = [scale.playing[np.abs(scale.times - 0.5 * beat - 0.2).argmin()] for beat in range(13, 18)]
    assert np.any(middles, axis=1).all()
    assert len(np.unique(middles, axis=0)) > 1
    assert 0.3 < np.mean(middles) < 0.8


def test_the_piano_roll_says_what_is_heard(scale):
    assert scale.playing.shape == scale.W.shape
    # Well inside a beat a note is heard if and only if its key is down.
    inside = np.abs(scale.times % 0.5 - 0.22) < 0.13
    assert ((scale.W[inside] > 0.1 * scale.W.max()) == scale.playing[inside]).all()
    # Not held between the beats, where it is damped.
    assert not scale.playing[scale.times % 0.5 > 0.455].any()


def test_sound_and_spectrogram_belong_together():
    made = datasets.make_notes()
    assert np.abs(made.sound).max() == pytest.approx(1)
    assert len(made.sound) == 16 * 0.5 * made.rate
    for moment in (0, 100, len(made.data) - 1):
        middle = round(made.times[moment] * made.rate)
        piece = made.sound[middle - 512 : middle + 512]
        np.testing.assert_allclose(made.data[moment], np.abs(np.fft.rfft(piece * np.hanning(1024))), atol=1e-9)


def test_one_note_is_the_product_of_its_factors_and_chords_are_near():
    made = datasets.make_notes()
    product = made.W @ made.H
    # Well inside the first four beats, in each of which one note sounds.
    alone = (made.times < 2) & (np.abs(made.times % 0.5 - 0.23) < 0.1)
    assert np.linalg.norm((made.data - product)[alone]) < 0.02 * np.linalg.norm(made.data[alone])
    relative_error = np.linalg.norm(made.data - product) / np.linalg.norm(made.data)
    assert relative_error == pytest.approx(0.25, abs=0.005)  # as documented


def test_notes_have_the_noise_that_is_asked_for():
    clean, noisy = (datasets.make_notes(noise=noise) for noise in (0, 0.1))
    assert (clean.playing == noisy.playing).all()
    noise = noisy.sound - clean.sound
    assert noise.std() == pytest.approx(0.1 * np.sqrt(np.mean(clean.sound**2)), rel=0.02)


def test_notes_are_found():
    made = datasets.make_notes(noise=0.01)
    result = nonneg.factorize(made.data, 4, loss="kullback-leibler", seed=0)
    assert cosines(result.H, made.H).min() > 0.98
    assert correlations(result.W, made.W).min() > 0.9


# --- signatures -----------------------------------------------------------------------------------------


def test_signatures_are_counts_around_the_truth():
    made = datasets.make_signatures(2000, 6, mutations=500, seed=1)
    assert made.data.shape == (2000, 96)
    assert (made.data == np.floor(made.data)).all()
    np.testing.assert_allclose(made.H.sum(axis=1), 1)
    totals = made.W.sum(axis=1)
    assert totals.mean() == pytest.approx(500, rel=0.05)
    assert made.data.sum(axis=1).mean() == pytest.approx(500, rel=0.05)
    # Gamma of shape 2: the variance is half the mean squared.
    assert totals.var() == pytest.approx(500**2 / 2, rel=0.15)
    # Poisson: the variance is the mean.
    expected = made.W @ made.H
    often = expected > 1
    assert np.mean((made.data[often] - expected[often]) ** 2 / expected[often]) == pytest.approx(1, abs=0.05)


def test_signatures_have_a_few_high_peaks():
    made = datasets.make_signatures(1, 50)
    largest = np.sort(made.H, axis=1)[:, ::-1]
    assert largest[:, :20].sum(axis=1).min() > 0.85
    assert np.median(made.H) < 1e-3


def test_mutations_are_named_by_what_changed_and_its_neighbours():
    made = datasets.make_signatures(3, 2)
    assert len(np.unique(made.feature_names)) == 96
    for name in made.feature_names:
        left, opening, before, arrow, after, closing, right = name
        assert opening + arrow + closing == "[>]"
        assert before in "CT"
        assert after in set("ACGT") - {before}
        assert {left, right} <= set("ACGT")
    assert made.sample_names.tolist() == ["genome 1", "genome 2", "genome 3"]


def test_signatures_are_found():
    made = datasets.make_signatures()
    result = nonneg.factorize(made.data, 5, loss="kullback-leibler", seed=0)
    assert cosines(result.H, made.H).min() > 0.999
