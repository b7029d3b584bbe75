"""Writes stats.json: what the reference implementations answer, for core/stats/tests/golden.rs.

Run with Python 3.11 and
    numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0 scikit-learn==1.9.1
as `python make_stats.py`, from any folder. The output depends on nothing else.
"""

import itertools
import json
import math
import warnings
from pathlib import Path

import numpy as np
import statsmodels.api as sm
from scipy import optimize, stats
from sklearn.metrics import f1_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint, proportion_effectsize
from statsmodels.stats.weightstats import ttost_paired

rng = np.random.default_rng(20240711)
warnings.simplefilter("ignore")


def mcnemar_cases():
    for b, c in [(0, 0), (1, 0), (6, 0), (5, 1), (7, 7), (12, 5), (30, 18), (201, 160), (0, 40)]:
        exact = mcnemar([[3, b], [c, 2]], exact=True).pvalue
        m = min(b, c)
        mid = 2 * stats.binom.cdf(m, b + c, 0.5) - stats.binom.pmf(m, b + c, 0.5)
        yield {"only_a": b, "only_b": c, "exact": float(exact), "mid": float(mid)}


def sign_flip_cases():
    samples = [
        rng.normal(0.3, 1, 10),
        rng.normal(0, 1, 12),
        np.round(rng.normal(0.2, 1, 11), 1),
        rng.integers(-2, 4, 10).astype(float),
        np.zeros(5),
    ]
    for d in samples:
        result = stats.permutation_test(
            (d,), lambda x, axis: np.mean(x, axis=axis), permutation_type="samples", vectorized=True, n_resamples=np.inf
        )
        yield {"d": d.tolist(), "p": float(result.pvalue)}


def paired_t_cases():
    for n, shift in [(2, 0.5), (5, 0.1), (20, 0.4), (300, 0.05)]:
        a, b = rng.normal(shift, 1, n), rng.normal(0, 1, n)
        result = stats.ttest_rel(a, b)
        low, high = result.confidence_interval(0.9)
        yield {
            "d": (a - b).tolist(),
            "t": float(result.statistic),
            "p": float(result.pvalue),
            "low90": float(low),
            "high90": float(high),
        }


def wilcoxon_cases():
    samples = {
        "plain": rng.normal(0.4, 1, 12),
        "ties": np.array([1, 1, -1, 2, 2, 3, -2, 4, 1, 5.0]),
        "zeros": np.array([0, 0, 1, -1, 2, 3, 3, -4, 5, 6.0]),
        "large": np.append(np.round(rng.normal(0.2, 1, 80), 1), [0.0, 0.0, 0.0]),
    }
    zero_methods = {"drop": "wilcox", "pratt": "pratt", "split": "zsplit"}
    for name, d in samples.items():
        for zeros, zero_method in zero_methods.items():
            for null in ["exact", "normal", "normal_continuity"]:
                if null == "exact":
                    if len(d) > 13:
                        continue
                    # scipy enumerates sign patterns, exact with ties and zeros, when asked for a permutation test.
                    method = stats.PermutationMethod(n_resamples=np.inf)
                    result = stats.wilcoxon(d, zero_method=zero_method, method=method)
                else:
                    correction = null == "normal_continuity"
                    result = stats.wilcoxon(d, zero_method=zero_method, correction=correction, method="asymptotic")
                yield {
                    "name": name,
                    "d": d.tolist(),
                    "zeros": zeros,
                    "null": null,
                    "statistic": float(result.statistic),
                    "p": float(result.pvalue),
                }


def bca_cases():
    """The draws are scipy's own, so the interval read off them must be the same."""
    skewed = rng.exponential(1, 25)
    for level in [0.9, 0.95]:
        result = stats.bootstrap((skewed,), np.mean, n_resamples=499, confidence_level=level, method="BCa", rng=7)
        percentile = stats.bootstrap(
            (skewed,), np.mean, n_resamples=499, confidence_level=level, method="percentile", rng=7
        )
        assert np.array_equal(percentile.bootstrap_distribution, result.bootstrap_distribution)
        yield {
            "rows": [[x] for x in skewed.tolist()],
            "statistic": "mean",
            "level": level,
            "draws": result.bootstrap_distribution.tolist(),
            "bca": list(map(float, result.confidence_interval)),
            "percentile": list(map(float, percentile.confidence_interval)),
        }
    x, y = rng.exponential(1, 30), rng.exponential(2, 30)

    def ratio(x, y, axis=-1):
        return np.sum(x, axis=axis) / np.sum(y, axis=axis)

    for level in [0.9, 0.95]:
        args = {"n_resamples": 499, "confidence_level": level, "paired": True}
        result = stats.bootstrap((x, y), ratio, method="BCa", rng=11, **args)
        percentile = stats.bootstrap((x, y), ratio, method="percentile", rng=11, **args)
        yield {
            "rows": np.stack([x, y], axis=1).tolist(),
            "statistic": "ratio",
            "level": level,
            "draws": result.bootstrap_distribution.tolist(),
            "bca": list(map(float, result.confidence_interval)),
            "percentile": list(map(float, percentile.confidence_interval)),
        }


def own_draws_cases():
    """scipy with 200,000 draws of its own: agreement within Monte-Carlo error."""
    x, y = rng.exponential(1, 30), rng.exponential(2, 30)

    def ratio(x, y, axis=-1):
        return np.sum(x, axis=axis) / np.sum(y, axis=axis)

    for method in ["percentile", "BCa"]:
        result = stats.bootstrap((x, y), ratio, paired=True, n_resamples=200_000, method=method, batch=10_000, rng=3)
        yield {
            "rows": np.stack([x, y], axis=1).tolist(),
            "method": method.lower(),
            "low": float(result.confidence_interval.low),
            "high": float(result.confidence_interval.high),
            "standard_error": float(result.standard_error),
        }


def correction_cases():
    families = [
        rng.uniform(0, 0.1, 7),
        np.array([0.01, 0.01, 0.04, 0.04, 0.5, 1.0, 0.0]),
        rng.uniform(0, 1, 12),
        np.array([0.03]),
    ]
    for p in families:
        adjusted = {m: multipletests(p, method=m)[1].tolist() for m in ["holm", "fdr_bh", "fdr_by"]}
        yield {"p": p.tolist(), **adjusted}


def tost_cases():
    for n, shift, margin in [(10, 0.0, 0.5), (50, 0.1, 0.3), (200, 0.2, 0.3), (30, 1.0, 0.5)]:
        a, b = rng.normal(shift, 1, n), rng.normal(0, 1, n)
        p, lower, upper = ttost_paired(a, b, -margin, margin)
        yield {
            "d": (a - b).tolist(),
            "margin": margin,
            "p": float(p),
            "p_lower": float(lower[1]),
            "p_upper": float(upper[1]),
        }


def wilson_cases():
    for successes, n in [(0, 10), (10, 10), (3, 7), (81, 263), (4999, 5000)]:
        for level in [0.9, 0.95]:
            low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
            yield {"successes": successes, "n": n, "level": level, "low": float(low), "high": float(high)}


def tango_score(b, c, n, delta):
    """Score statistic with the restricted estimate found by numerical maximisation, not by Tango's closed form."""

    def loglik(q):
        return sum(k * math.log(p) if k else 0.0 for k, p in [(b, q + delta), (c, q), (n - b - c, 1 - 2 * q - delta)])

    low, high = max(0.0, -delta), (1 - delta) / 2
    found = optimize.minimize_scalar(
        lambda t: -loglik(low + (high - low) * t), bounds=(1e-13, 1 - 1e-13), method="bounded", options={"xatol": 1e-14}
    )
    q = low + (high - low) * found.x
    return (b - c - n * delta) / math.sqrt(n * (2 * q + delta - delta**2))


def paired_proportion_cases():
    for both, b, c, neither in [(36, 12, 2, 0), (20, 9, 4, 17), (150, 12, 18, 20), (5, 3, 1, 2), (40, 3, 3, 4)]:
        n = both + b + c + neither
        level, z = 0.95, stats.norm.ppf(0.975)
        d = (b - c) / n
        tango_low = optimize.brentq(lambda t: tango_score(b, c, n, t) - z, -0.9, d - 1e-9, xtol=1e-13)
        tango_high = optimize.brentq(lambda t: tango_score(b, c, n, t) + z, d + 1e-9, 0.9, xtol=1e-13)
        # Newcombe (1998), method 10, on statsmodels' Wilson limits.
        p1, p2 = (both + b) / n, (both + c) / n
        l1, u1 = proportion_confint(both + b, n, method="wilson")
        l2, u2 = proportion_confint(both + c, n, method="wilson")
        margins = (both + b) * (c + neither) * (both + c) * (b + neither)
        cross = both * neither - b * c
        if cross > 0:
            cross = max(cross - n / 2, 0)
        phi = cross / math.sqrt(margins) if margins else 0.0
        low = d - math.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
        high = d + math.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
        yield {
            "table": [both, b, c, neither],
            "level": level,
            "tango": [tango_low, tango_high],
            "newcombe": [low, high],
            "cohen_h": float(proportion_effectsize(p1, p2)),
        }


def clustered_cases():
    for clusters, n in [(8, 40), (40, 221)]:
        groups = rng.integers(0, clusters, n)
        effects = rng.normal(0, 0.3, clusters)
        values = effects[groups] + rng.normal(0, 0.2, n)
        model = sm.OLS(values, np.ones(n))
        fit = model.fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
        plain = model.fit()
        low, high = fit.conf_int(0.05)[0]
        yield {
            "values": values.tolist(),
            "clusters": groups.tolist(),
            "standard_error": float(fit.bse[0]),
            "low": float(low),
            "high": float(high),
            "independent_standard_error": float(plain.bse[0]),
        }


def macro_f1_cases():
    """All 2^n exchanges of two systems' predictions, scored by scikit-learn."""
    for n, classes in [(8, 3), (10, 2)]:
        labels = list(range(classes))
        gold = rng.integers(0, classes, n)
        a = np.where(rng.random(n) < 0.8, gold, rng.integers(0, classes, n))
        b = np.where(rng.random(n) < 0.4, gold, rng.integers(0, classes, n))

        def macro(predicted):
            return f1_score(gold, predicted, labels=labels, average="macro", zero_division=0)

        observed = macro(a) - macro(b)
        extreme = 0
        for mask in itertools.product([False, True], repeat=n):
            swapped = macro(np.where(mask, b, a)) - macro(np.where(mask, a, b))
            extreme += abs(swapped) >= abs(observed) - 1e-12
        yield {
            "classes": classes,
            "gold": gold.tolist(),
            "a": a.tolist(),
            "b": b.tolist(),
            "value_a": float(macro(a)),
            "value_b": float(macro(b)),
            "difference": float(observed),
            "p": float(extreme / 2**n),
        }


def power_cases():
    z = stats.norm.ppf
    for sd, n, alpha, power in [(0.3, 500, 0.05, 0.8), (0.1, 77, 0.01, 0.9)]:
        yield {
            "sd": sd,
            "n": n,
            "alpha": alpha,
            "power": power,
            "mde": float((z(1 - alpha / 2) + z(power)) * sd / math.sqrt(n)),
            "n_equivalence": math.ceil((z(1 - alpha) + z((1 + power) / 2)) ** 2 * sd**2 / 0.02**2),
        }


golden = {
    "mcnemar": list(mcnemar_cases()),
    "sign_flip": list(sign_flip_cases()),
    "paired_t": list(paired_t_cases()),
    "wilcoxon": list(wilcoxon_cases()),
    "bootstrap_intervals": list(bca_cases()),
    "bootstrap_own_draws": list(own_draws_cases()),
    "correction": list(correction_cases()),
    "tost": list(tost_cases()),
    "wilson": list(wilson_cases()),
    "paired_proportions": list(paired_proportion_cases()),
    "clustered": list(clustered_cases()),
    "macro_f1": list(macro_f1_cases()),
    "power": list(power_cases()),
}
# One line a case keeps differences between versions readable.
lines = []
for name, cases in golden.items():
    body = ",\n".join("    " + json.dumps(case) for case in cases)
    lines.append(f"  {json.dumps(name)}: [\n{body}\n  ]")
Path(__file__).with_name("stats.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
