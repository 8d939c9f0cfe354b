"""Redraw files and audits from test rows, and see which intervals hold the right counts"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import t as student

from nace_clf.parts.totals import LEAST, Evidence, corrected, pools_of, powered


@dataclass(frozen=True)
class Rows:
    "Hold what a model said of test rows, and what is right"
    names: np.ndarray # codes: those of the model, and others that are right
    right: np.ndarray # number of the right code, [rows]
    said: np.ndarray # number of the likeliest code, [rows]
    scores: np.ndarray # of the two likeliest codes, [rows, codes]


def rows_of(
    probs: np.ndarray, # probability of each label, [rows, labels]
    codes: list[str], # right code of each row
    names: list[str], # labels of the model
) -> Rows: # with two suggestions, as `predict` writes them
    "Put answers and right codes together"
    every = [*names, *sorted({*codes} - {*names})]
    number, best = {name: i for i, name in enumerate(every)}, np.argsort(-probs, axis=1)[:, :2]
    scores = np.zeros((len(probs), len(every)))
    np.put_along_axis(scores, best, np.take_along_axis(probs, best, axis=1), axis=1)
    right = np.array([number[code] for code in codes])
    return Rows(np.array(every), right, best[:, 0], scores)


def other_mix(rows: Rows, rng: np.random.Generator) -> np.ndarray: # chance of each row
    "Draw another mix of codes: each code is as frequent as before times an exponential number"
    chance = rng.exponential(size=len(rows.names))[rows.right]
    return chance / chance.sum()


@dataclass(frozen=True)
class Setting:
    "Say what is drawn"
    audit: int = 500 # rows of an audit
    file: int = 100_000 # rows of a file
    mix: bool = False # draw another mix of codes for each file
    elsewhere: bool = False # audit rows of the old mix, not of the file
    draws: int = 1_000 # files, and as many audits
    revision: str | None = None # of NACE, to pool codes by their parents


def drawn(rows: Rows, of: Setting) -> Iterator[tuple[Evidence, np.ndarray, list[str]]]:
    "Yield what is known of a file, its right counts, and the names of its pools"
    rng, n, size = np.random.default_rng(0), len(rows.right), len(rows.names)
    even, ones = np.full(n, 1 / n), np.eye(size)
    for _ in range(of.draws):
        file = rng.multinomial(of.file, other_mix(rows, rng) if of.mix else even)
        source = rng.multinomial(of.file, even) if of.elsewhere else file
        times = rng.multivariate_hypergeometric(source, of.audit, method="marginals")
        at = np.repeat(np.arange(n), times)
        counts, right = (np.bincount(o, file, size) for o in (rows.said, rows.right))
        expected = pd.Series(counts * of.audit / of.file, rows.names)
        there = (counts + right) > 0
        pool = pools_of(expected[there], of.revision, LEAST).reindex(rows.names)
        number, names = pd.factorize(pool)
        to = np.zeros((size, len(names)))
        to[np.flatnonzero(there), number[there]] = 1
        seen = Evidence(ones[rows.right[at]] @ to, ones[rows.said[at]] @ to, rows.scores[at] @ to,
                        np.ones(of.audit), counts @ to, file @ rows.scores @ to, of.file)
        yield seen, right @ to, list(names)


def _plain(seen: Evidence, name: str, **how) -> dict[str, np.ndarray]:
    "Count by prediction-powered inference in another way"
    value, error = powered(seen, **how)
    half = student.ppf(0.975, len(seen.weight) - 1) * error
    return {name: value, f"{name}_low": value - half, f"{name}_high": value + half}


def trial(rows: Rows, of: Setting) -> pd.DataFrame: # a row for each draw, pool and way
    "Redraw a file and its audit, and count in every way"
    found = []
    for seen, right, names in drawn(rows, of):
        hard = replace(seen, scores=seen.coded, expected=seen.counts)
        got = corrected(seen) | _plain(seen, "ppi, nothing added", more=0)
        got |= _plain(hard, "ppi, codes alone") | _plain(seen, "audit alone", tune=0)
        ways = [name for name in got if f"{name}_low" in got]
        for way in ways:
            low, value, high = (got[f"{way}{end}"] for end in ("_low", "", "_high"))
            found.append(pd.DataFrame({
                "way": way, "pool": names, "right": right, "off": (value - right) / of.file,
                "holds": (low <= right + 1e-6) & (right <= high + 1e-6),
                "half": (high - low) / 2 / of.file}))
    return pd.concat(found)


def summed(found: pd.DataFrame) -> pd.DataFrame: # a row for each way
    "Sum a trial up: coverage in all and of the worst pool, half width and error in % of the file"
    by = found.groupby("way", sort=False)
    often = found.groupby(["way", "pool"]).holds.agg(["mean", "size"])
    often = often[often["size"] >= often["size"].max() / 4]
    return pd.DataFrame({
        "holds": by.holds.mean(), "worst": often["mean"].groupby("way").min(),
        "half width": 100 * by.half.mean(),
        "off": 100 * by.off.apply(lambda o: o.pow(2).mean()**.5),
        "pools": found.pool.groupby(found.way).nunique()})


TRIALS = {
    ("random titles", "as in the table"): [("random", {"audit": n}) for n in (200, 500, 1000)],
    ("random titles", "another"): [("random", {"audit": 500, "mix": True})],
    ("other words", "as in the table"): [("source", {"audit": n}) for n in (200, 500, 1000)],
    ("other words", "another"): [("source", {"audit": n, "mix": True}) for n in (200, 500, 1000)],
    ("classes, pooled", "as in the table"): [
        ("class", {"audit": n, "draws": 500, "revision": "2"}) for n in (500, 1000)],
    ("other words, audit of the old mix", "another"): [
        ("source", {"audit": 500, "mix": True, "elsewhere": True})],
}


def everything(tests: dict[str, Rows]) -> dict[str, list[dict]]: # for a JSON file
    "Run all `TRIALS` on the rows of `tests`"
    kept, sections = [], []
    for (rows, mix), settings in TRIALS.items():
        for split, how in settings:
            found = trial(tests[split], Setting(**how))
            table = summed(found).reset_index()
            about = {"rows": rows, "mix": mix, "audit": how["audit"]}
            kept += [about | o for o in table.round(5).to_dict("records")]
            if rows != "other words" or how != {"audit": 500}: continue
            by = found.groupby(["pool", "way"]).holds.mean().unstack()[["coded", "ppi"]]
            share = found.groupby("pool").right.mean() / Setting().file
            sections = by.assign(share=share).round(5).reset_index().to_dict("records")
    return {"summary": kept, "sections": sections}
