"""Command questions: which questions of the suites are stale, and accepting them after review."""

import json
from typing import Annotated

import typer

from llmops_pipelines.cli.application import CorpusArgument, JsonOption, app, explained, out


@app.command()
def questions(
    corpus: CorpusArgument = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="Id of a question that you have reviewed: it is asked again from now on.")
    ] = None,
    accept_all: Annotated[bool, typer.Option("--accept-all", help="The same for every stale question.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the stale questions of a corpus: what answers them changed or went at the source since they were pinned.

    They decide no release. Look at the document and mend the question in its file, or accept it as it is.
    """
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.evaluation.source_documents import SourceDocuments
        from llmops_pipelines.evaluation.stale import pin_questions, read_pins, stale_questions
        from llmops_pipelines.storage.schemas import QUESTION_PINS

        chosen, lake = project.corpus(corpus), project.lake().open()
        source = lake.published(chosen.table("documents"))
        if source is None:
            raise project.ProjectError(
                f"corpus {chosen.name} has no documents in the lake {lake.uri}: run `llmops run {chosen.name}`"
            )
        documents = SourceDocuments.of(source)
        table = chosen.table("question_pins")
        suites = chosen.settings.evaluation.load_suites(chosen.folder)
        asked = {question.id: question for suite in suites for question in suite.questions}
        if unknown := [name for name in accept or () if name not in asked]:
            raise project.ProjectError(f"there is no question {unknown[0]!r} in the suites of corpus {chosen.name}")
        found = stale_questions(list(asked.values()), read_pins(lake.published(table)), documents)
        accepted = sorted({*(accept or ()), *(found if accept_all else ())})
        if accepted:
            reviewed = [asked[name] for name in accepted]
            pin_questions(reviewed, documents, lake.writer(table, QUESTION_PINS))
            found = {name: reason for name, reason in found.items() if name not in accepted}
    if as_json:
        listed = [
            {
                "suite": asked[name].question_set,
                "id": name,
                "part": asked[name].part,
                "question": asked[name].text,
                "reason": reason,
                "versions": {answer: documents.version(answer) for answer in asked[name].answers},
            }
            for name, reason in found.items()
        ]
        print(json.dumps({"corpus": chosen.name, "questions": len(asked), "stale": listed, "accepted": accepted}))
        return
    for name, reason in found.items():
        question = asked[name]
        out.print(f"[bold]{name}[/]  [dim]{question.question_set}, {question.part}[/]", highlight=False)
        out.print(f"{question.text}\n{reason}\n", markup=False, highlight=False, soft_wrap=True)
    if accepted:
        out.print(f"accepted: {', '.join(accepted)}", highlight=False, soft_wrap=True)
    out.print(f"{len(found)} of {len(asked)} questions are stale", highlight=False)
