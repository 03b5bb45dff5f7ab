"""
Guided topics
=============

One topic is told what it is about. The page :doc:`/guided_topics` says what comes out.
"""

import matplotlib.pyplot as plt
import numpy as np

import nonneg
from nonneg.datasets import load_reuters

K = 12
SEEDS = ["hospital", "doctors", "surgery", "operation", "medical", "patients"]
OTHERS = """pope vatican pontiff paul john church catholic roman mass poland yeltsin russia russian kremlin moscow
    president minister political teresa mother calcutta nuns nun order missionaries charity sister harriman clinton
    ambassador u.s bernardin cardinal chicago charles prince diana royal king queen elvis""".split()
DRAWN = [*SEEDS, "heart", "appendix", "tumour", "blood", "pope", "yeltsin", "teresa"]


def known_of(words):  # NaN is free, zero is for ever
    known = np.full((K, len(words)), np.nan)
    known[1:, np.isin(words, SEEDS)] = 0  # no other topic may use the seed words,
    known[0, np.isin(words, OTHERS)] = 0  # and the first none of the words of other stories
    return known


news = load_reuters()
words, options = news.feature_names, {"loss": "poisson", "n_init": 5}
plain = nonneg.factorize(news.data, K, seed=0, **options)
guided = [nonneg.factorize(news.data, K, seed=seed, fixed=known_of(words), **options) for seed in range(5)]
print(f"divergence: {plain.loss_value:.0f} plain, {100 * (guided[0].loss_value / plain.loss_value - 1):.2f} % more")
profiles = np.array([fit.topics().words[0] for fit in guided])
print("correlation with the topic of seed 0:", np.corrcoef(profiles)[0].round(3))

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True, layout="constrained")
for ax, title, fit in zip(axes, ("plain", "guided"), (plain, guided[0]), strict=True):
    topics = fit.topics().words
    print(title)
    for share, topic in zip(fit.share, topics, strict=True):
        print(f"  {share:.2f}", " ".join(words[topic.argsort()[:-15:-1]]))
    amount = fit.H * fit.W.sum(axis=0)[:, None]
    where = (amount / amount.sum(axis=0))[:, [list(words).index(word) for word in DRAWN]].T
    image = ax.imshow(where, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.hlines([5.5, 9.5], -0.5, K - 0.5, color="0.5", lw=0.8)
    ax.set(
        title=title,
        xticks=range(K),
        yticks=range(len(DRAWN)),
        yticklabels=DRAWN,
        xlabel="topic, by its first word",
    )
    ax.set_xticklabels(words[topics.argmax(axis=1)], rotation=60, ha="right", rotation_mode="anchor")
figure.colorbar(image, ax=axes, label="share of the word in each topic")
plt.show()
