"""Ranking metrics per question, by ir_measures, ties broken by the ranking itself."""

from collections.abc import Mapping, Sequence

PRIMARY = "nDCG@10"
METRICS: tuple[str, ...] = (PRIMARY, "recall@5", "recall@20", "recall@100", "MRR@10")
DEPTH = 100
SCORER = "ir_measures/graded/2"


def score_rankings(
    rankings: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, float]]:
    """The metrics of every question of `relevant`, by question id; `relevant` holds the grade of each doc_id.

    nDCG takes the grade as the gain (Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002,
    with the discount log2(rank + 1), as trec_eval has it); recall and MRR count every grade from 1 on alike.
    `rankings` are doc_ids, best first; a question that nothing was retrieved for scores 0, it is not left out.
    Scores given to the evaluator fall by one a rank, so that its own rule for ties never applies.
    """
    import ir_measures
    from ir_measures import RR, Qrel, R, ScoredDoc, nDCG

    measures = {nDCG @ 10: PRIMARY, R @ 5: "recall@5", R @ 20: "recall@20", R @ 100: "recall@100", RR @ 10: "MRR@10"}
    scores = {question: dict.fromkeys(METRICS, 0.0) for question in relevant}
    qrels = [Qrel(question, doc_id, grade) for question, grades in relevant.items() for doc_id, grade in grades.items()]
    run = [
        ScoredDoc(question, doc_id, float(-rank))
        for question in relevant
        for rank, doc_id in enumerate(rankings.get(question, ()))
    ]
    if not run:
        return scores
    for result in ir_measures.iter_calc(list(measures), qrels, run):
        scores[result.query_id][measures[result.measure]] = float(result.value)
    return scores
