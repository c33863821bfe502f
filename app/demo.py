"""``make demo``: transcribe the bundled sample, and say where everything is, how right it is and how fast it went."""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app import pipeline
from app.report import Report
from dataset_tools.evaluate import Evaluation, evaluate
from pianoroll import SilentkeysError

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "samples" / "furelise.mp4"
TRUTH = ROOT / "samples" / "furelise.mid"


def main() -> int:
    """Transcribe the sample into ``out/`` and print the table. Gives the exit code."""
    console = Console()
    try:
        with console.status("transcribing the sample") as status:
            report = pipeline.transcribe(SAMPLE, "out", progress=lambda stage, _: status.update(f"{stage} …"))
        roll = report.files.get("npz")
        quality = evaluate(roll, TRUTH) if roll else None
    except SilentkeysError as error:
        Console(stderr=True).print(f"silentkeys: {error}", markup=False)
        return error.exit_code
    console.print(demo_table(report, quality))
    for text in [*report.warnings, *(f"{output} is missing: {why}" for output, why in report.missing.items())]:
        console.print(text, markup=False)
    return 0 if report.complete else 1


def demo_table(report: Report, quality: Evaluation | None) -> Table:
    """Files made, notes found, F1 against the truth, and speed."""
    table = Table(title=f"{SAMPLE.name}: silent video in, music out", title_justify="left", show_header=False)
    for output, path in report.files.items():
        table.add_row(output, path)
    table.add_section()
    table.add_row("notes found", str(report.notes))
    if quality is not None:
        scores = quality.pooled
        table.add_row("frame F1", f"{scores['frame'].f1:.3f}")
        table.add_row("onset F1, 50 ms", f"{scores['onset_50ms'].f1:.3f}")
        table.add_row("onset F1, 100 ms", f"{scores['onset_100ms'].f1:.3f}")
        table.add_row("onset+offset F1", f"{scores['onset_offset'].f1:.3f}")
    table.add_section()
    for stage, seconds in report.timings.items():
        table.add_row(f"seconds for {stage}", f"{seconds:.1f}")
    table.add_row("seconds of video per second of work", f"{report.speed:.2f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
