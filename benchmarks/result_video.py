"""How quick the result video is, as a ratio to real time: ``python benchmarks/result_video.py VIDEO``.

The video is read first; drawing, encoding and muxing with the sound are timed.
"""

import sys
import tempfile
from pathlib import Path

from app import pipeline


def main(video: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = pipeline.transcribe(video, folder, outputs=("video",))
        size = Path(report.files["video"]).stat().st_size
    seconds, spent = report.video["seconds_read"], report.timings["video"]
    print(f"{seconds:.1f} s of {report.video['width']}x{report.video['height']}: {seconds / spent:.2f}x real time")
    print(f"{8e-6 * size / seconds:.1f} Mbit/s")


if __name__ == "__main__":
    main(sys.argv[1])
