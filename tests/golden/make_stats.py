"""Writes stats.json: what the reference implementations answer, for core/stats/tests/golden.

Run with Python 3.11 and
    numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0 scikit-learn==1.9.1 sacrebleu==2.6.0 arch==8.0.0
    scikit-posthocs==0.17.1
as `python make_stats.py`, from any folder. The output depends on nothing else.
"""

import itertools
import json
import math
import warnings
from pathlib import Path

import numpy as np
import scikit_posthocs as posthocs
import statsmodels.api as sm
from arch.bootstrap import MCS
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest
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


def ranking_cases():
    """Friedman's statistic by scipy, Nemenyi's p-values by scikit-posthocs, Wilcoxon-Holm by scipy and statsmodels."""
    for blocks, systems, digits in [(6, 3, 6), (12, 4, 6), (15, 5, 1), (30, 10, 6)]:
        values = np.round(rng.normal(0, 1, (blocks, systems)) + np.linspace(0, 1, systems), digits)
        chi_squared, p = stats.friedmanchisquare(*values.T)
        f = (blocks - 1) * chi_squared / (blocks * (systems - 1) - chi_squared)
        ranks = stats.rankdata(-values, axis=1).mean(axis=0)
        pairs = list(itertools.combinations(range(systems), 2))
        raw = []
        for i, j in pairs:
            d = values[:, i] - values[:, j]
            method = stats.PermutationMethod(n_resamples=np.inf) if blocks <= 13 else "exact"
            if blocks == 15:  # ties: scipy has no exact distribution but by enumeration, which 2^15 patterns allow
                method = stats.PermutationMethod(n_resamples=np.inf, batch=1000)
            raw.append(float(stats.wilcoxon(d, method=method).pvalue))
        yield {
            "systems": systems,
            "values": values.ravel().tolist(),
            "average_ranks": ranks.tolist(),
            "chi_squared": float(chi_squared),
            "p_chi_squared": float(p),
            "f": float(f),
            "p": float(stats.f.sf(f, systems - 1, (systems - 1) * (blocks - 1))),
            "nemenyi": [
                float(posthocs.posthoc_nemenyi_friedman(values).to_numpy()[i, j]) for i, j in pairs
            ],
            "wilcoxon_holm": multipletests(raw, method="holm")[1].tolist(),
        }


def critical_difference_cases():
    for systems in [2, 3, 5, 10, 40, 100]:
        for alpha in [0.1, 0.05, 0.01]:
            q = stats.studentized_range.ppf(1 - alpha, systems, np.inf)
            yield {
                "systems": systems,
                "blocks": 14,
                "alpha": alpha,
                "cd": float(q / math.sqrt(2) * math.sqrt(systems * (systems + 1) / (6 * 14))),
            }


def confidence_set_cases():
    """The model confidence set of the package arch, T_max, read off the same resamples."""
    for n, shifts in [(60, [0.0, 0.1, 0.5, 0.15]), (100, [0.3, 0.0, 0.05, 0.1, 0.32, 0.02])]:
        item = rng.normal(0, 1, n)
        losses = np.stack([item + s + rng.normal(0, 0.5, n) for s in shifts], axis=1)
        test = MCS(losses, size=0.1, reps=400, block_size=1, method="max", bootstrap="stationary", seed=3)
        test.compute()
        draws = np.stack([losses[index].mean(axis=0) for index in test._bootstrap_indices])
        p = test.pvalues["Pvalue"].reindex(range(len(shifts)))
        yield {"values": losses.mean(axis=0).tolist(), "draws": draws.ravel().tolist(), "p": p.tolist()}


def quantile_violation(a, b, steps=200_000):
    """The violation ratio of almost stochastic order on a fine grid of quantiles."""
    t = (np.arange(steps) + 0.5) / steps
    gap = np.sort(b)[np.ceil(len(b) * t).astype(int) - 1] - np.sort(a)[np.ceil(len(a) * t).astype(int) - 1]
    return np.sum(gap[gap > 0] ** 2) / np.sum(gap**2)


def dominance_cases():
    """The bound with 20,000 resamples of numpy's: agreement within Monte-Carlo error."""
    for n, m, shift in [(5, 5, 1.0), (10, 8, 0.3), (20, 20, 0.0), (12, 12, -0.5)]:
        a, b = rng.normal(shift, 1, n), rng.normal(0, 1, m)
        ratio = quantile_violation(a, b)
        draws = [quantile_violation(rng.choice(a, n), rng.choice(b, m), 2_000) for _ in range(20_000)]
        u = stats.mannwhitneyu(a, b).statistic
        yield {
            "a": a.tolist(),
            "b": b.tolist(),
            "violation_ratio": float(ratio),
            "sd": float(np.std(draws, ddof=1)),
            "cliffs_delta": float(2 * u / (n * m) - 1),
        }


def bleu_cases():
    """Corpus BLEU of two systems: sacrebleu's value and its paired approximate randomisation."""
    words = "the a dog cat house tree runs sees takes small red old quickly there".split()
    references = [" ".join(rng.choice(words, rng.integers(6, 14))) for _ in range(40)]

    def system(error):
        return [" ".join(w if rng.random() > error else str(rng.choice(words)) for w in r.split()) for r in references]

    for errors in [(0.2, 0.3), (0.25, 0.25)]:
        outputs = [system(e) for e in errors]
        bleu = BLEU(references=[references])
        rows = [bleu._extract_corpus_statistics(out, None) for out in outputs]
        named = [("a", outputs[0]), ("b", outputs[1])]
        _, result = PairedTest(
            named, {"BLEU": BLEU(references=[references])}, references=None, test_type="ar", n_samples=10_000
        )()
        yield {
            "a": [list(map(float, row)) for row in rows[0]],
            "b": [list(map(float, row)) for row in rows[1]],
            "value_a": float(bleu.corpus_score(outputs[0], None).score),
            "value_b": float(bleu.corpus_score(outputs[1], None).score),
            "trials": 10_000,
            "p": float(result["BLEU"][1].p_value),
        }


def two_way_cases():
    """Two-way clustered variance of statsmodels, of one group of replicates over items."""
    for items, replicates in [(50, 4), (30, 8)]:
        values = (
            rng.normal(0, 1, (items, 1)) + rng.normal(0, 0.5, (1, replicates)) + rng.normal(0, 0.7, (items, replicates))
        )
        item, replicate = np.indices(values.shape)
        flat = values.ravel()
        group = np.stack([item.ravel(), replicate.ravel()], axis=1)
        fit = sm.OLS(flat, np.ones(len(flat))).fit()
        # Each part alone: what Cameron, Gelbach and Miller add and subtract.
        by = {
            name: float(
                fit.get_robustcov_results("cluster", groups=g, use_correction=False, df_correction=False).bse[0] ** 2
            )
            for name, g in [("items", group[:, 0]), ("replicates", group[:, 1])]
        }
        residual = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
        yield {
            "items": items,
            "values": values.T.tolist(),
            "by_items": by["items"] * items / (items - 1),
            "by_replicates": by["replicates"] * replicates / (replicates - 1),
            "residual": float(np.sum(residual**2) / ((items - 1) * (replicates - 1)) / (items * replicates)),
        }


def stratified_t_cases():
    """Means of two strata: Welch's test where they share no items, else the t test of the items' means."""
    own = np.random.default_rng(7)
    for n, m, spread in [(4, 3, 1.0), (40, 12, 5.0), (25, 25, 0.2)]:
        a, b = own.normal(0.3, 1, n), own.normal(0.1, spread, m)
        # A difference of means is a sum with the sign of one turned.
        welch = stats.ttest_ind(a, -b, equal_var=False)
        interval = welch.confidence_interval(0.9)
        yield {
            "strata": [a.tolist(), b.tolist()],
            "shared": False,
            "t": float(welch.statistic),
            "p": float(welch.pvalue),
            "df": float(welch.df),
            # Of the mean, which is half the sum.
            "interval": [float(interval.low / 2), float(interval.high / 2)],
        }
    for n in [5, 30]:
        a = own.normal(0.3, 1, n)
        b = a + own.normal(0, 0.5, n)
        once = stats.ttest_1samp((a + b) / 2, 0)
        interval = once.confidence_interval(0.9)
        yield {
            "strata": [a.tolist(), b.tolist()],
            "shared": True,
            "t": float(once.statistic),
            "p": float(once.pvalue),
            "df": float(once.df),
            "interval": [float(interval.low), float(interval.high)],
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
    "ranking": list(ranking_cases()),
    "critical_difference": list(critical_difference_cases()),
    "confidence_set": list(confidence_set_cases()),
    "dominance": list(dominance_cases()),
    "bleu": list(bleu_cases()),
    "two_way": list(two_way_cases()),
    "stratified_t": list(stratified_t_cases()),
}
# One line a case keeps differences between versions readable.
lines = []
for name, cases in golden.items():
    body = ",\n".join("    " + json.dumps(case) for case in cases)
    lines.append(f"  {json.dumps(name)}: [\n{body}\n  ]")
Path(__file__).with_name("stats.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
