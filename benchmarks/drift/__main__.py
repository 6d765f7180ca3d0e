"""How often drift of an embedder is found, and found where there is none: `python -m benchmarks.drift [--small]`.

The bundled model answers the shipped probes under its declared jitter (engine, precision, threads, order and size of
requests), each call under a configuration drawn anew. The null: references that share no call, looks of the calls of the
others, judged by the rule as shipped and by its tests alone; beside it the rate that the tests have by design. Drifts:
changed models whose effect on a search of SciFact is measured first, and with it the verdict that is expected. Usual
methods judge the same vectors. With `--own` the probes are drawn from SciFact's own texts, of which none is in that search.
Needs LLMOPS_DATA. `--work` keeps calls, vectors and models, so that a run that was killed
goes on; `--plots` writes two pictures to docs/pictures. About 25 minutes on two cores, with `--small` two or three.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks.drift import detection, plots, sameness
from benchmarks.drift.designed import designed
from benchmarks.drift.experiment import Experiment, Sizes
from benchmarks.drift.llmdrift import replay
from benchmarks.drift.rates import clustered
from benchmarks.drift.rivals import RIVALS
from benchmarks.drift.tables import by_method, table
from benchmarks.drift.thresholds import Threshold, best_threshold
from benchmarks.drift.ticks import RULE, TESTS_ALONE, Tick, alarmed
from benchmarks.measuring import report
from llmops_pipelines.drift.probes import EmbedderProbes

SMALL = Sizes(
    references=4,
    ticks=10,
    drift_references=2,
    routed_references=4,
    drift_ticks=2,
    synthetic=40,
    documents=100,
    questions=50,
    splits=20,
    drifts=(
        *("weight noise 0.04", "weight noise 0.08", "weight noise 0.2", "weights in bf16", "weights in fp16"),
        *("window 32 tokens", "tuned 1 steps", "tuned 4 steps", "router 10%"),
    ),
)
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="few references and drifts: whether it runs")
    parser.add_argument("--own", action="store_true", help="ask probes drawn from SciFact's own texts, not the shipped")
    parser.add_argument("--references", type=int, help="references of the null, instead of 50")
    parser.add_argument("--plots", action="store_true", help="write the pictures")
    parser.add_argument("--work", type=Path, help="folder that keeps calls, vectors and models")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if not os.environ.get("LLMOPS_DATA"):
        sys.exit("LLMOPS_DATA is not set: it names the folder with labelled public data")
    data, sizes, started = Path(os.environ["LLMOPS_DATA"]), _sizes(arguments), time.perf_counter()
    # Of matrices as small as these a second thread of numpy's BLAS is waited for, on a busy machine up to a second.
    with threadpool_limits(1, user_api="blas"), tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        experiment = Experiment(sizes, data / "retrieval" / "scifact", work, arguments.seed, arguments.own)
        by_design = designed(experiment.probes, sizes.synthetic, sizes.ticks, arguments.seed)
        experiment.log(f"designed: {by_design}")
        null = experiment.null()
        figures = null_figures(null) | jitter_figures(experiment)
        drifted = experiment.drifted()
    rows = detection.rows(drifted, null, {name: detection.alarms_of(name) for name in detection.METHODS})
    tuned, tuned_rows = with_tuned_thresholds(drifted, null)
    replayed = replay(data / "drift" / "llmdrift", sizes.splits)
    print_tables(figures, by_design, rows, tuned_rows, replayed)
    if arguments.plots:
        write_plots(rows, figures["null_by_method"], experiment.probes)
    report(
        designed_rate=by_design["confirmed"]["rate"],
        designed=by_design,
        **figures,
        **detection.power(drifted),
        harmless_rate=detection.harmless(drifted),
        probes=experiment.probes.name,
        floor=experiment.probes.floor,
        llmdrift=replayed,
        rows=[*rows, *tuned_rows],
        tuned_thresholds={one.method: one.value for one in tuned},
        sizes=vars(sizes),
        wall_s=round(time.perf_counter() - started),
    )


def null_figures(null: Sequence[Tick]) -> dict[str, Any]:
    """False alarms of each method at the ticks where nothing changed, and the effects that the rule saw there."""
    rates = {name: clustered(null, detection.alarms_of(name)(null)).as_dict() for name in (RULE, TESTS_ALONE, *RIVALS)}
    effects = sorted(tick.effect for tick in null)
    return {
        "false_alarm_rate": rates[RULE]["rate"],
        "false_alarm_interval": rates[RULE]["interval"],
        "null_by_method": rates,
        "null_tests_alone_one_look": clustered(null, [alarmed(tick.first) for tick in null]).as_dict(),
        "null_effect": {"greatest": round(effects[-1], 4), "p99": round(effects[int(0.99 * len(effects))], 4)},
    }


def jitter_figures(experiment: Experiment) -> dict[str, Any]:
    """What the declared jitter changes, between configurations and where a model moves from one to another."""
    generator, judge = experiment.generator(5), experiment.judge
    between = sameness.losses(experiment.calls, generator)
    switches = sameness.switches(experiment.calls, judge, experiment.probes.calls, generator)
    apart = [row for row in between if row["before"] != row["now"]]
    losses = [max(row["queries"], row["documents"]) for row in apart]
    on_scifact = experiment.jitter_on_scifact()
    return {
        "jitter": {
            "declared": experiment.probes.jitter,
            "mean": round(sum(losses) / len(losses), 4) if losses else None,
            "greatest": max((row["greatest"] for row in apart), default=None),
            "repeats_with_the_same_bits": min((row["same_bits"] for row in between if row not in apart), default=None),
            "bf16_on_scifact": [round(on_scifact.queries, 4), round(on_scifact.documents, 4)],
        },
        "jitter_between": between,
        "switches_with_a_verdict": [sum(row["rule"] for row in switches), len(switches)],
        "switches": switches,
    }


def with_tuned_thresholds(
    drifted: Sequence[detection.Drifted], null: Sequence[Tick]
) -> tuple[list[Threshold], list[dict[str, Any]]]:
    """The rivals with the threshold that is best on the chosen drifts and half of the references, on all the others."""
    chosen = {
        kind: [tick for one in drifted if one.drift.chosen and one.expected == kind for tick in one.ticks]
        for kind in ("unchanged", "behaviour_changed")
    }
    quiet = [*chosen["unchanged"], *(tick for tick in null if tick.reference % 2 == 0 and tick.number == 1)]
    thresholds = [best_threshold(name, quiet, chosen["behaviour_changed"]) for name in RIVALS]
    held_out = [one for one in drifted if not one.drift.chosen]
    others = [tick for tick in null if tick.reference % 2]
    return thresholds, detection.rows(held_out, others, detection.tuned_methods(thresholds))


def print_tables(
    figures: dict[str, Any],
    by_design: dict[str, Any],
    rows: list[dict[str, Any]],
    tuned_rows: list[dict[str, Any]],
    replayed: list[dict[str, Any]],
) -> None:
    rates = [{"method": name, **rate} for name, rate in figures["null_by_method"].items()]
    rates += [
        {"method": "tests alone, one look", **figures["null_tests_alone_one_look"]},
        {"method": "tests alone, by design", **by_design["confirmed"]},
        {"method": "tests alone, one look, by design", **by_design["unconfirmed"]},
    ]
    columns = ["method", "rate", "interval", "share_of_references_with_any", "references", "ticks"]
    print(table(rates, columns, "False alarms a tick where nothing changed"))
    between = ["before", "now", "queries", "documents", "greatest", "same_bits"]
    print(table(figures["jitter_between"], between, "Share of the first ten lost between configurations"))
    switched = [row for row in figures["switches"] if row["tests_alone"]]
    print(table(switched, ["before", "now", "effect", "p", "rule"], "Reference and looks each of one configuration"))
    common = ["drift", "size", "practical_effect", "expected"]
    columns = [*common, "p", "effect", *detection.METHODS]
    print(table(by_method(rows), columns, "Share of ticks detected"))
    columns = [*common, *dict.fromkeys(row["method"] for row in tuned_rows)]
    print(table(by_method(tuned_rows), columns, "Share of ticks detected, thresholds chosen on the other drifts"))
    own = [row for row in rows if row["method"] == RULE]
    print(table(own, [*common, "detected", "delay", "never", "ticks"], "The rule: ticks until the verdict"))
    columns = ["model", "task", "p_holm", "changed_by_grade", "changed_by_text", "control_rate"]
    print(table(replayed, columns, "LLMDrift, March against June 2023"))


def write_plots(rows: Sequence[dict[str, Any]], rates: dict[str, Any], probes: EmbedderProbes) -> None:
    from llmops_pipelines.evaluation.plots import png

    of = "" if probes.name == "embedder" else f"_{probes.name}"
    (PICTURES / f"drift_power{of}.png").write_bytes(png(plots.power_plot(rows, probes.floor)))
    (PICTURES / f"drift_false_alarms{of}.png").write_bytes(png(plots.false_alarm_plot(rates)))


def _sizes(arguments: argparse.Namespace) -> Sizes:
    sizes = SMALL if arguments.small else Sizes()
    return replace(sizes, references=arguments.references) if arguments.references else sizes


if __name__ == "__main__":
    main()
