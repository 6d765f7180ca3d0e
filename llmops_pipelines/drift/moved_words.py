"""How well two sets of texts are told apart by their words, and by which: a classifier that has to tell a text's set.

A classifier that has not seen a text and still says where it is from has found a difference that a reader can be shown
(Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", International Conference on Learning Representations,
2017). Stop words take no part: what a text is about tells the sets apart, and not how it is put.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FOLDS = 5
MOST_WORDS = 10
SAID = 3
SEED = 20_170_424
# Scripts without spaces between words: Thai and Lao, kana, Han. There each character counts as a word.
UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff"
WORD = f"[{UNSPACED}]|[^\\W{UNSPACED}]{{2,}}"


@dataclass(frozen=True)
class Word:
    """A word with the share of the texts of each side that hold it, 0 to 1."""

    word: str
    reference: float
    look: float

    def __str__(self) -> str:
        return f"`{self.word}` ({self.reference:.0%} -> {self.look:.0%})"


@dataclass(frozen=True)
class Moved:
    """The words that speak most for the look (`more`) and for the reference (`less`), the most telling first.

    Some are found between any two sets: they explain a change and are no sign of one.
    """

    more: tuple[Word, ...] = ()
    less: tuple[Word, ...] = ()

    def __str__(self) -> str:
        sides = {"more of": self.more, "less of": self.less}
        said = (f"{name} {', '.join(map(str, words[:SAID]))}" for name, words in sides.items() if words)
        return "; ".join(said) or "no single word says how"


@dataclass(frozen=True)
class Separation:
    """`auc` is how likely a text of the look gets a higher score than one of the reference: 0.5 is chance, 1 certainty."""

    auc: float
    moved: Moved


def separation(reference: Sequence[str], look: Sequence[str]) -> Separation:
    """How well a logistic regression over TF-IDF of words tells the two sides apart, and by which words.

    The AUC is the mean over 5 folds, stratified by side, each scored by what was fitted to the others. Copies of a text
    are in the same fold. Both sides weigh the same, whatever their sizes. What a word moves is its coefficient times the
    difference of its mean weights: over all words they sum to the difference of the sides' mean scores. Each side has
    as many texts as there are folds at least. Words that only one text holds take no part; where none is left, the AUC
    is 0.5.
    """
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    texts = [*reference, *look]
    of_look = np.repeat([False, True], [len(reference), len(look)])
    vectorizer = TfidfVectorizer(token_pattern=WORD, stop_words="english", min_df=2, sublinear_tf=True)
    try:
        weights: Any = vectorizer.fit_transform(texts).tocsr()
    except ValueError:  # no word is left
        return Separation(0.5, Moved())

    def fitted(rows: Any) -> Any:
        return LogisticRegression(class_weight="balanced", max_iter=1_000).fit(weights[rows], of_look[rows])

    group = {text: row for row, text in enumerate(texts)}
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    scores = [
        roc_auc_score(of_look[held], fitted(rest).decision_function(weights[held]))
        for rest, held in folds.split(weights, of_look, [group[text] for text in texts])
    ]
    coefficients = fitted(np.arange(len(texts))).coef_[0]
    moves = coefficients * (_means(weights, of_look) - _means(weights, ~of_look))
    words = vectorizer.get_feature_names_out()
    shares = [_means(weights > 0, side) for side in (~of_look, of_look)]

    def telling(sign: int) -> tuple[Word, ...]:
        # A longer text gives each of its words less weight: the shares must have moved the same way.
        fits = (sign * coefficients > 0) & (moves > 0) & (sign * (shares[1] - shares[0]) > 0)
        order = [i for i in np.argsort(-moves, kind="stable") if fits[i]][:MOST_WORDS]
        return tuple(Word(str(words[i]), float(shares[0][i]), float(shares[1][i])) for i in order)

    return Separation(float(np.mean(scores)), Moved(telling(1), telling(-1)))


def _means(weights: Any, rows: Any) -> Any:
    """The mean of each column of a sparse matrix over some of its rows, (columns,)."""
    import numpy as np

    return np.asarray(weights[rows].mean(axis=0)).ravel()
