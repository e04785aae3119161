"""A curve as a picture."""

from pathlib import Path

from matplotlib.figure import Figure

from load.curves.curve import Curve, text


def draw(path: Path, curve: Curve, machine: str) -> None:
    """Draw each panel; columns that are no numbers are left out."""
    figure = Figure(figsize=(4.2 * len(curve.panels), 3.8), layout="constrained")
    figure.suptitle(f"{curve.name} ({machine})", fontsize=8)
    over = curve.columns[0]
    for axes, panel in zip(figure.subplots(1, len(curve.panels), squeeze=False)[0], curve.panels, strict=True):
        for column in panel.columns:
            points = [(row[over], row[column]) for row in curve.rows if not isinstance(row[column], str)]
            if points:
                axes.plot([x for x, _ in points], [y for _, y in points], "o-", label=column)
        if curve.log and not any(isinstance(row[over], str) for row in curve.rows):
            axes.set_xscale("symlog", linthresh=0.1)
            axes.set_xticks([float(row[over]) for row in curve.rows], [text(row[over]) for row in curve.rows])
            axes.minorticks_off()
        if panel.log:
            axes.set_yscale("log")
        else:
            axes.set_ylim(0, axes.get_ylim()[1] * 1.05)
        axes.set_xlabel(over, fontsize=8)
        axes.set_ylabel(panel.label, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
