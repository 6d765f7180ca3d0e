"""What is live: manifests of released indexes, appended and never rewritten, and readers that follow them. No Dagster here.

`open(corpus)` searches what is in force, from any program.
"""

from llmops_pipelines.index.search import Hit as Hit
from llmops_pipelines.index.search import SearchKind as SearchKind
from llmops_pipelines.release.reader import Reader as Reader
from llmops_pipelines.release.reader import open as open
