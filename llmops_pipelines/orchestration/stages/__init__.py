"""One file a stage: its section of the YAML and the asset that is built from it. The names, in the order of the graph."""

SOURCE_STAGES = ("documents", "clean_documents", "chunks")
TUNING_STAGES = ("training_set", "fine_tuned_model")
CANDIDATE_STAGES = ("embeddings", "vector_index", "evaluation", "evaluation_report")
RELEASE = "release"
STAGE_NAMES = (*SOURCE_STAGES, *CANDIDATE_STAGES, *TUNING_STAGES, RELEASE)
