"""Commands about what upstream models are asked: models probes, and models draw-probes."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from llmops_pipelines.cli.application import JsonOption, explained, out
from llmops_pipelines.cli.models import NameArgument, declared, models_app, spent

DROPS = (0.10, 0.30)


@models_app.command()
def probes(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show what a model is asked: how many probes, what they cost, and how small a loss they notice."""
    with explained():
        from llmops_pipelines import project

        model = declared(name)
        upstream = model.upstream(project.lake().open())
        probe, reference = upstream.probe, upstream.state().reference
        rows = [
            {"what": what, "tier": tier, **vars(probe.cost((tier,), what == "reference"))}
            for what in ("look", "reference")
            for tier in model.settings.tiers
        ]
        power: dict[str, Any] = {}
        if reference is not None and reference.probes == probe.probes.identity:
            answers = probe.unpacked(reference.answers)
            power = {f"{drop:.2f}": probe.power(answers, drop) for drop in DROPS}
        looks = upstream.history.observations()[-1:]
    about = {"name": probe.probes.name, "version": probe.probes.version, "identity": probe.probes.identity}
    if as_json:
        print(json.dumps({**about, "cost": rows, "power": power}))
        return
    out.print(f"{about['name']} {about['version']} ({about['identity'][:8]})", highlight=False)
    shown = Table("", "tier", "calls", "tokens at most", "US dollars at most")
    for row in rows:
        shown.add_row(row["what"], row["tier"], f"{row['calls']:,}", f"{row['tokens']:,}", f"{row['usd']:.4f}")
    out.print(shown)
    for one in looks:
        out.print(f"the last look spent {spent(one.spent.calls, one.spent.tokens, one.spent.usd)}", highlight=False)
    for drop, share in power.items():
        out.print(f"a loss of {drop} is noticed in {share:.0%} of looks", highlight=False)
    if not power:
        out.print(f"how small a loss they notice is told after the first reference: `llmops models accept {name}`")


@models_app.command()
def draw_probes(
    corpus: Annotated[str, typer.Argument(help="Name of the corpus whose passages and questions they are.")],
    file: Annotated[Path, typer.Argument(help="Where to write them, such as assets/upstream/NAME/probes/CORPUS.yaml.")],
) -> None:
    """Write a probe file for embedders from a corpus, which sees a change that matters to it earlier than general texts."""
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.drift.own_probes import own_probes
        from llmops_pipelines.drift.probe_files import written
        from llmops_pipelines.drift.probes import ProbeError

        chosen = project.corpus(corpus)
        chunks = project.lake().open().published(chosen.table("chunks"))
        if chunks is None:
            raise ProbeError(f"{corpus} is not cut into passages yet: `llmops run {corpus}`")
        if file.exists():
            raise ProbeError(f"{file} is there: probes are not changed in place, give another name")
        questions = [one.text for suite in chosen.suites for one in suite.questions if one.part != suite.gate_part]
        made = own_probes(corpus, (row["text"] for row in chunks.rows(["text"])), questions)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written(made), "utf-8")
    out.print(
        f"{file}: {len(made.documents)} texts and {len(made.queries)} queries. Name it as `probes` of an upstream model, "
        "relative to its defs.yaml, then `llmops models accept NAME`",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
