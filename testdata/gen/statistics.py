"""Statistics by scipy, scikit-learn and numpy, and lengths by zlib.

    pip install scipy==1.17.1 numpy==2.4.6 scikit-learn==1.9.1        # Python 3.11, zlib 1.2.13
    python testdata/gen/statistics.py          # writes testdata/statistics/{statistics,zlib}.json

What no package has is written out here the slow way: the Kolmogorov-Smirnov p-value as a quotient of whole numbers of
paths, DeLong's variance over all pairs, CKA from covariances and from whole Gram matrices, the mean largest score over
all choices. The texts for zlib are drawn by a generator that the tests repeat, so that only lengths are stored.
"""

import itertools
import json
import math
import pathlib
import zlib
from fractions import Fraction

import numpy as np
from scipy import stats
from scipy.spatial.distance import cdist, jensenshannon
from sklearn.metrics import roc_auc_score, roc_curve

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "testdata" / "statistics"
RANDOM = np.random.default_rng(20240611)


def normal(count, mean=0.0, scale=1.0, digits=2):
    return [float(x) for x in np.round(RANDOM.normal(mean, scale, count), digits)]


def share_of_paths(m, n, h):
    """The share of paths through an m by n grid that reach |i n - j m| / gcd >= h, from whole numbers."""
    g = math.gcd(m, n)
    inside = [0] * (n + 1)
    for i in range(m + 1):
        for j in range(n + 1):
            if abs(i * (n // g) - j * (m // g)) >= h:
                inside[j] = 0
            elif i == 0 and j == 0:
                inside[j] = 1
            else:
                inside[j] = inside[j] + (inside[j - 1] if j else 0)
    total = math.comb(m + n, m)
    return float(Fraction(total - inside[n], total))


def ks():
    pairs = [(normal(a, digits=d), normal(b, mean=s, digits=d)) for a, b, s, d in [
        (300, 299, 0.1, 2), (50, 1, 0.5, 2), (1, 1, 0.0, 2), (80, 120, 0.4, 0), (500, 500, 0.3, 2), (40, 60, 9.0, 1),
        (700, 1000, 0.25, 2), (250, 400, 1.5, 2), (64, 48, 0.0, 1), (7, 5, 0.0, 3),
    ]]
    for a, b in pairs:
        result = stats.ks_2samp(a, b, method="exact")
        m, n = len(a), len(b)
        h = round(result.statistic * math.lcm(m, n))
        yield {"a": a, "b": b, "statistic": float(result.statistic), "scipy": float(result.pvalue),
               "p_value": share_of_paths(m, n, h)}


def auc():
    for a, b, s, d in [(30, 50, 0.7, 2), (100, 80, 0.3, 1), (12, 9, 0.0, 0), (200, 150, 1.5, 2)]:
        negative, positive = normal(a, digits=d), normal(b, mean=s, digits=d)
        labels, scores = [0] * a + [1] * b, negative + positive
        fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
        wins = (np.subtract.outer(positive, negative) > 0) + 0.5 * (np.subtract.outer(positive, negative) == 0)
        variance = wins.mean(1).var(ddof=1) / b + wins.mean(0).var(ddof=1) / a
        yield {"negative": negative, "positive": positive, "auc": float(roc_auc_score(labels, scores)),
               "tpr": [[rate, float(tpr[fpr <= rate].max())] for rate in (0.0, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0)],
               "delong": float(variance)}


def binomial():
    for s, n, level in [(0, 1, 0.95), (1, 1, 0.95), (0, 40, 0.95), (3, 40, 0.95), (20, 40, 0.99), (39, 40, 0.9),
                        (7, 200, 0.95), (199, 400, 0.95), (1, 10_000, 0.95), (4321, 100_000, 0.999)]:
        interval = stats.binomtest(s, n).proportion_ci(level, method="exact")
        yield {"successes": s, "trials": n, "level": level, "interval": [float(interval.low), float(interval.high)],
               "upper": float(stats.beta.ppf(level, s + 1, n - s)) if s < n else 1.0}


def mcnemar():
    for b, c in [(0, 0), (1, 0), (5, 5), (3, 11), (40, 22), (0, 60), (500, 600)]:
        yield {"b": b, "c": c, "p_value": float(stats.binomtest(b, b + c).pvalue) if b + c else 1.0}


def permutation():
    def means(x, y, axis):
        return np.mean(x, axis=axis) - np.mean(y, axis=axis)

    for a, b in [(4, 4), (7, 5), (3, 9)]:
        x, y = normal(a), normal(b, mean=0.8)
        exact = {"n_resamples": np.inf, "vectorized": True}
        p = {side: stats.permutation_test((x, y), means, alternative=side, **exact).pvalue for side in ("less", "greater")}
        both = stats.permutation_test((x, y), lambda x, y, axis: abs(means(x, y, axis)), alternative="greater", **exact)
        yield {"a": x, "b": y, "greater": float(p["greater"]), "less": float(p["less"]), "two_sided": float(both.pvalue)}


def sign_flip():
    for count in (3, 8, 12):
        x = normal(count, mean=0.5)
        flips = {"n_resamples": np.inf, "permutation_type": "samples", "vectorized": True}
        mean = lambda x, axis: np.mean(x, axis=axis)
        size = lambda x, axis: abs(np.mean(x, axis=axis))
        yield {"differences": x,
               "greater": float(stats.permutation_test((x,), mean, alternative="greater", **flips).pvalue),
               "less": float(stats.permutation_test((x,), mean, alternative="less", **flips).pvalue),
               "two_sided": float(stats.permutation_test((x,), size, alternative="greater", **flips).pvalue)}


def leak_at_k():
    for leaks, samples, k in [(0, 10, 3), (1, 200, 1), (1, 200, 128), (13, 200, 16), (150, 200, 2), (3, 5, 2), (2, 5, 5)]:
        yield {"leaks": leaks, "samples": samples, "k": k, "value": float(stats.hypergeom.sf(0, samples, leaks, k))}


def expected_maximum():
    for count in (1, 5, 9):
        scores = [float(x) for x in np.round(RANDOM.random(count), 1)]
        values = [float(np.mean([max(c) for c in itertools.combinations(scores, k)])) for k in range(1, count + 1)]
        yield {"scores": scores, "values": values}


def divergence():
    for count in (2, 5, 40):
        p, q = RANDOM.dirichlet(np.full(count, 0.5)), RANDOM.dirichlet(np.full(count, 0.5))
        yield {"log_p": np.log(p).tolist(), "log_q": np.log(q).tolist(), "kl": float(stats.entropy(p, q)),
               "js": float(jensenshannon(p, q) ** 2)}


def wasserstein():
    for a, b in [(5, 5), (7, 20), (60, 41)]:
        x, y = normal(a), normal(b, mean=0.5, scale=2.0)
        yield {"a": x, "b": y, "value": float(stats.wasserstein_distance(x, y))}


def hsic1(k, l):
    n = len(k)
    k, l, ones = k - np.diag(np.diag(k)), l - np.diag(np.diag(l)), np.ones(n)
    cross = ones @ k @ ones * (ones @ l @ ones) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (ones @ k @ l @ ones)
    return (np.trace(k @ l) + cross) / (n * (n - 3))


def cka():
    for n, d, e in [(6, 3, 4), (20, 5, 2), (12, 30, 25)]:
        x = np.round(RANDOM.normal(3.0, 1.0, (n, d)), 3)
        y = np.round(x[:, : min(d, e)] @ RANDOM.normal(size=(min(d, e), e)) + RANDOM.normal(size=(n, e)), 3)
        cx, cy = x - x.mean(0), y - y.mean(0)
        biased = np.linalg.norm(cy.T @ cx) ** 2 / np.linalg.norm(cx.T @ cx) / np.linalg.norm(cy.T @ cy)
        k, l = x @ x.T, y @ y.T
        yield {"items": n, "x": x.ravel().tolist(), "y": y.ravel().tolist(), "biased": float(biased),
               "debiased": float(hsic1(k, l) / np.sqrt(hsic1(k, k) * hsic1(l, l)))}


def entropy():
    for length, size in [(3, 2), (30, 4), (200, 20)]:
        tokens = RANDOM.integers(0, size, length).tolist()

        def of(n):
            counts = np.unique([tokens[i : i + n] for i in range(length - n + 1)], axis=0, return_counts=True)[1]
            return float(stats.entropy(counts, base=2))

        yield {"tokens": tokens, "entropies": [of(n) for n in (1, 2, 3)],
               "fluency": float(np.mean([of(2) * 2 / 3, of(3) * 4 / 3]))}


def lira():
    for count in (4, 16):
        inside, outside, observed = normal(count, mean=2.0), normal(count), normal(1, mean=1.0)[0]
        fits = [stats.norm(np.mean(v), np.std(v)) for v in (inside, outside)]
        yield {"inside": inside, "outside": outside, "observed": observed,
               "online": float(fits[0].logpdf(observed) - fits[1].logpdf(observed)),
               "offline": float(fits[1].cdf(observed))}


def energy():
    for n, m, width in [(1, 1, 1), (7, 12, 1), (20, 15, 4), (9, 30, 16)]:
        x = np.round(RANDOM.normal(0.0, 1.0, (n, width)), 2)
        y = np.round(RANDOM.normal(0.4, 1.5, (m, width)), 2)
        across, within = cdist(x, y).mean(), (cdist(x, x).mean() + cdist(y, y).mean())
        one = float(stats.energy_distance(x.ravel(), y.ravel()) ** 2) if width == 1 else None
        yield {"width": width, "a": x.ravel().tolist(), "b": y.ravel().tolist(), "distance": float(2 * across - within),
               "share": float((2 * across - within) / (2 * across)), "scipy": one}


def student():
    for freedom in (1, 2, 3, 4, 9, 30, 1000):
        yield {"freedom": freedom, "cdf": [[t, float(stats.t.cdf(t, freedom))] for t in (-3.0, -0.2, 0.0, 0.7, 2.5, 40.0)],
               "quantiles": [[p, float(stats.t.ppf(p, freedom))] for p in (0.005, 0.5, 0.75, 0.975, 0.9995)]}


def t_test():
    for n, m, apart in ((2, 2, 1.5), (2, 2, -0.5), (3, 5, 0.4), (1, 4, 2.0), (12, 7, 0.8)):
        a, b = normal(n, mean=apart), normal(m)
        yield {"a": a, "b": b, "difference": float(stats.ttest_ind(a, b, alternative="greater").pvalue),
               "mean": float(stats.ttest_1samp(a + b, 0, alternative="greater").pvalue)}


class Draws:
    """A linear congruential generator, the same as in the tests."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % bound

    def letters(self, count):
        return bytes(97 + self.below(26) for _ in range(count))


def text(kind, seed, length):
    draws, out = Draws(seed), bytearray()
    if kind == "bytes":
        alphabet = 1 + draws.below(256)
        while len(out) < length:
            out.append(draws.below(alphabet))
    elif kind == "words":
        words = [draws.letters(1 + draws.below(9)) for _ in range(5 + draws.below(500))]
        while len(out) < length:
            out += words[draws.below(1 + draws.below(len(words)))] + b" "
    elif kind == "skewed":
        weights = [1, 1]
        while len(weights) < 20:
            weights.append(weights[-1] + weights[-2])
        while len(out) < length:
            drawn, letter = draws.below(sum(weights)), 0
            while drawn >= weights[letter]:
                drawn -= weights[letter]
                letter += 1
            out += bytes([letter, draws.below(256)])
    elif kind == "copies":
        while len(out) < length:
            if not out or draws.below(4) == 0:
                out += draws.letters(1 + draws.below(60))
            else:
                start = len(out) - 1 - draws.below(min(len(out), 40_000))
                out += out[start : start + 3 + draws.below(400)]
    elif kind == "licence":
        source = (ROOT / "LICENSE-APACHE").read_bytes()
        while len(out) < length:
            start = draws.below(len(source))
            out += source[start : start + 1 + draws.below(3000)]
    return bytes(out[:length])


def zlib_lengths():
    lengths = Draws(1)
    sizes = [lengths.below(400) for _ in range(40)] + [lengths.below(20_000) for _ in range(40)]
    sizes += [16_383, 16_384, 16_385, 32_506, 65_274, 65_536, 65_537] + [lengths.below(400_000) for _ in range(5)]
    for kind in ("bytes", "words", "skewed", "copies", "licence"):
        for seed, size in enumerate(sizes):
            yield [kind, seed, size, len(zlib.compress(text(kind, seed, size)))]


def main():
    makers = [ks, auc, binomial, mcnemar, permutation, sign_flip, leak_at_k, expected_maximum, divergence, wasserstein, cka,
              entropy, lira, energy, student, t_test]
    made = {make.__name__: list(make()) for make in makers}
    made["normal_cdf"] = [[x, float(stats.norm.cdf(x))] for x in (-37.0, -8.0, -1.5, 0.0, 0.3, 2.0, 6.0)]
    parts = ",\n".join(f"{json.dumps(name)}: {json.dumps(cases)}" for name, cases in made.items())
    (OUT / "statistics.json").write_text("{\n" + parts + "\n}\n")
    rows = ",\n".join(json.dumps(row) for row in zlib_lengths())
    (OUT / "zlib.json").write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main()
