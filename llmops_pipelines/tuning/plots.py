"""The plot of a training: loss and dev score by step."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import altair

LOSS, DEV = "#999999", "#0072B2"


def training_plot(history: Sequence[Mapping[str, float]]) -> "altair.Chart":
    """Loss above, dev nDCG@10 with its value at each checkpoint below, by step; step 0 is the base."""
    import altair as alt

    def panel(name: str, title: str, color: str) -> alt.Chart:
        points = [{"step": entry["step"], name: entry[name]} for entry in history if name in entry]
        scale = alt.Scale(zero=False)
        line = (
            alt.Chart(alt.Data(values=points))
            .mark_line(point=True, color=color)
            .encode(x=alt.X("step:Q", title="step"), y=alt.Y(f"{name}:Q", title=title, scale=scale))
        )
        return cast("alt.Chart", line.properties(width=420, height=120))

    return cast("altair.Chart", alt.vconcat(panel("loss", "loss", LOSS), panel("dev", "dev nDCG@10", DEV)))
