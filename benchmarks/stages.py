"""Time of each stage as a ratio to the video's duration: ``python benchmarks/stages.py VIDEO [VIDEO …]``.

0.5 means half a second of work for a second of video. Loading the libraries counts, as a user waits for it too.
"""

import sys
import tempfile

from app import pipeline


def main(videos: list[str]) -> None:
    for video in videos:
        with tempfile.TemporaryDirectory() as folder:
            report = pipeline.transcribe(video, folder)
        seconds = report.video["seconds_read"]
        print(f"{video}: {seconds:.1f} s of {report.video['width']}x{report.video['height']}")
        for stage, spent in report.timings.items():
            print(f"  {stage:10s} {spent / seconds:6.3f}")
        print(f"  {'in all':10s} {sum(report.timings.values()) / seconds:6.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
