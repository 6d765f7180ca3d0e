"""A corpus on which models of any quality can be told apart: sixty words, each asked for by what it means."""

import json
from pathlib import Path
from typing import Any

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.settings import CorpusSettings
from tests.suite_files import write_suite

WORDS = {
    "heron": "a long-legged bird that wades for fish",
    "anvil": "the iron block on which a smith hammers",
    "glacier": "a slow river of ice in the mountains",
    "violin": "a string instrument played with a bow",
    "volcano": "a mountain that spits lava",
    "bakery": "a shop where loaves are made",
    "compass": "it shows sailors where north is",
    "umbrella": "it keeps rain off your head",
    "kangaroo": "an australian animal that hops with a pouch",
    "lighthouse": "a tower whose beam warns ships",
    "thermometer": "it tells how hot it is",
    "orchard": "a garden of fruit trees",
    "parachute": "it slows a fall from an aeroplane",
    "saddle": "a seat for riding on horseback",
    "telescope": "you look at the stars through it",
    "beehive": "a home for insects that make honey",
    "dentist": "a doctor for teeth",
    "harbour": "a place where boats are safe",
    "microscope": "it makes tiny things visible",
    "passport": "papers for crossing a border",
    "penguin": "a bird of the antarctic that cannot fly",
    "piano": "an instrument with black and white keys",
    "quarry": "a pit from which stone is cut",
    "scarecrow": "a straw figure that frightens birds off a field",
    "submarine": "a vessel that dives below the sea",
    "tailor": "someone who sews suits",
    "tractor": "a farmer's machine for pulling a plough",
    "vineyard": "where grapes for wine grow",
    "windmill": "it grinds grain by moving air",
    "zebra": "a striped african horse",
    "candle": "wax with a wick that gives light",
    "desert": "dry land of sand where camels walk",
    "elevator": "it carries people between floors",
    "ferry": "a boat that takes cars across water",
    "hammer": "a tool for driving nails",
    "iceberg": "frozen water that drifts in the ocean",
    "jury": "citizens who decide in a trial",
    "kitchen": "the room for cooking",
    "library": "a building full of books to borrow",
    "magnet": "it attracts iron",
    "nurse": "she cares for the sick in a hospital",
    "oven": "a hot box for roasting",
    "pillow": "soft thing under a sleeping head",
    "queen": "a woman who reigns",
    "rainbow": "coloured arch in the sky after a shower",
    "scissors": "two blades for cutting paper",
    "tunnel": "a passage under a mountain for trains",
    "vaccine": "an injection that prevents disease",
    "wallet": "it holds banknotes and cards",
    "yacht": "a sailing ship of the rich",
    "avalanche": "snow that rushes down a slope",
    "barber": "he cuts hair and beards",
    "clock": "hands that show the hour",
    "drought": "a long time without rain",
    "eclipse": "the moon hides the sun",
    "fountain": "water that springs up in a park",
    "goalkeeper": "a football player who may use hands",
    "hedgehog": "a small animal covered with spines",
    "inkwell": "a pot for a pen to dip into",
    "jungle": "hot wet forest full of monkeys",
}
TEST = 42  # the other questions are of the dev part


def glossary(folder: Path, *models: ModelFolder, suite: dict[str, Any] | None = None, **sections: Any) -> Corpus:
    """The words as documents, embedded by `models`, the base first; judged by dense search, which is all the model's."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (word, meaning) in enumerate(WORDS.items()):
        page = folder / "documents" / f"{word}.md"
        if not page.exists():
            page.write_text(f"# {word.capitalize()}\n\nThis page is about the word {word}.\n", "utf-8")
        part = "test" if number < TEST else "dev"
        lines.append(json.dumps({"id": word, "question": meaning, "answers": [f"{word}.md"], "part": part}))
    (folder / "questions.jsonl").write_text("\n".join(lines), "utf-8")
    metrics = {"nDCG@10": {"direction": "higher", "role": "primary", "margin": 0.1}}
    write_suite(folder, **{"system": "dense", "metrics": metrics, **(suite or {})})
    settings = {
        "name": "glossary",
        "source": {"type": "directory", "uri": "documents"},
        "clean_documents": {"min_characters": 1},
        "embeddings": {"models": [{"name": one.name, "folder": str(one.folder)} for one in models]},
        "evaluation": {"suites": ["written.yaml"], "known_items": 0},
        "fine_tuned_model": {"epochs": 0},
    }
    return Corpus(CorpusSettings.model_validate({**settings, **sections}), folder)
