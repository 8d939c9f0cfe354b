"""Compute what the page on decisions shows, from answers whose right codes are known"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

# one rule is asked a hundred thousand times on rows whose answers do not change, so what
# `certify_rows` does once a call, look up answers and parse codes, is done once here
from nace_clf.parts.certificate import _Audit, _entry, right_paths
from nace_clf.parts.labels import Labels
from nace_clf.parts.ranking import deepest_sure, levels_of, likeliest

NEVER = 2.0  # a threshold that no confidence reaches


def _errors(sure: np.ndarray, right: np.ndarray) -> np.ndarray:
    "Count the errors among the k surest rows, for each k; rows that are as sure share theirs"
    order = np.argsort(-sure, kind="stable")
    wrong, tie = (~right[order]).astype(float), pd.factorize(sure[order])[0]
    return (np.bincount(tie, wrong) / np.bincount(tie))[tie].cumsum()


def curve(
    sure: np.ndarray, # confidence of each answer, [rows]
    right: np.ndarray, # whether it is right, [rows]
) -> pd.DataFrame: # a row for each number of answers that are accepted
    "Follow risk over coverage, the surest rows first"
    errors, n = _errors(sure, right), len(sure)
    k = np.arange(1, n + 1)
    return pd.DataFrame({"coverage": k / n, "risk": errors / k, "undetected": errors / n})


def areas(
    sure: np.ndarray, # confidence of each answer, [rows]
    right: np.ndarray, # whether it is right, [rows]
) -> dict[str, float]: # by score
    "Sum up how well confidence tells right answers from wrong ones"
    at, perfect = curve(sure, right), curve(right.astype(float), right)
    accepted = at.coverage[at.risk <= 0.03].max()
    return {"accuracy": right.mean(), "AURC": at.risk.mean(), "best AURC": perfect.risk.mean(),
            "AUGRC": at.undetected.mean(), "best AUGRC": perfect.undetected.mean(),
            "coverage at 3% risk": 0.0 if np.isnan(accepted) else accepted}


@dataclass(frozen=True)
class Answers:
    "Hold what a model answered at each level, and whether it is right"
    levels: tuple[str, ...] # highest first
    sure: np.ndarray # confidence of the likeliest code, [rows, levels]
    right: np.ndarray # whether it is right, [rows, levels]

    def down_to(self, level: str) -> Answers:
        "Keep the levels down to `level`"
        k = self.levels.index(level) + 1
        return Answers(self.levels[:k], self.sure[:, :k], self.right[:, :k])

    def only(self, level: str) -> Answers:
        "Keep one level"
        k = self.levels.index(level)
        return Answers((level,), self.sure[:, [k]], self.right[:, [k]])

    def take(self, rows: np.ndarray) -> Answers:
        "Keep some rows"
        return replace(self, sure=self.sure[rows], right=self.right[rows])


def answers(
    probs: np.ndarray, # probability of each label, [rows, labels]
    codes: list[str], # right code of each row
    labels: Labels, # of the model
) -> Answers: # at each level of the labels
    "Look up the likeliest code at each level, and hold it against the right one"
    levels = levels_of(labels)
    said, sure = likeliest(probs, labels, levels)
    paths = right_paths(list(codes), labels)
    right = [[code in path for code in row] for row, path in zip(said, paths)]
    return Answers(levels, sure, np.array(right))


def thresholds(audit: Answers, accuracy: float) -> np.ndarray: # least confidence by level
    "Certify an `accuracy` at 95% confidence on the rows of an `audit`"
    each = np.arange(len(audit.sure))
    rows = _Audit(audit.sure, audit.right, each, each)
    found = _entry(rows, (), True, (accuracy, .95), audit.levels).thresholds
    return np.array([found.get(level, NEVER) for level in audit.levels])


def truth(of: Answers, least: np.ndarray, accuracy: float) -> dict[str, float]:
    "Say what thresholds give on all rows: whether the promise is broken, and the share coded"
    given = deepest_sure(of.sure, least)
    coded = given >= 0
    wrong = coded & ~of.right[np.arange(len(given)), given]
    at = {level: (given == i).mean() for i, level in enumerate(of.levels)}
    return {"broken": wrong.sum() > (1 - accuracy) * coded.sum() + 1e-9,
            "nothing": not coded.any(), "coded": coded.mean(),
            "right": 1 - wrong.sum() / coded.sum() if coded.any() else np.nan,
            "depth": (given + 1).mean(), **at}


def redraws(
    audited: Answers, # rows that audits are drawn from
    held: Answers, # rows that are coded by what the audit certified
    rows: int, # of each audit
    accuracy: float, # that is promised
    draws: int = 1000, # audits
) -> pd.Series: # means, and the middle 90% of the share coded
    "Draw audits, certify each, and hold it against the rows that are coded"
    rng = np.random.default_rng(0)
    drawn = (audited.take(rng.integers(len(audited.sure), size=rows)) for _ in range(draws))
    found = pd.DataFrame([truth(held, thresholds(a, accuracy), accuracy) for a in drawn])
    low, high = found.coded.quantile([.05, .95])
    return pd.concat([found.mean(), pd.Series({"coded, low": low, "coded, high": high})])
