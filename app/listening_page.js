// Sound, piano roll and score in step. Needs roll_view.js before it, and the piece as JSON in #piece.
//
// piece: as RollView has it, and steps: [{id, start, end}], the notes of the score and the seconds when they are heard.

const piece = JSON.parse(document.getElementById("piece").textContent);
const audio = document.querySelector("audio");
const score = document.getElementById("score");
const elements = new Map(piece.steps.map((step) => [step.id, document.getElementById(step.id)]));
const starts = new Map(piece.steps.map((step) => [step.id, step.start]));
let lit = new Set();

const roll = new RollView(document.getElementById("roll"), piece, seek);

function seek(second) {
  audio.currentTime = second;
  show();
}

/** Draw the second that is heard. */
function show() {
  const now = audio.currentTime;
  roll.show(now);
  const heard = new Set(piece.steps.filter((step) => step.start <= now && now < step.end).map((step) => step.id));
  lit.forEach((id) => heard.has(id) || elements.get(id)?.classList.remove("lit"));
  heard.forEach((id) => elements.get(id)?.classList.add("lit"));
  const begun = [...heard].some((id) => !lit.has(id));
  lit = heard;
  if (begun) {
    follow(elements.get([...heard].pop()));
  }
}

/** Bring the line of music with this note into view. */
function follow(note) {
  const system = note?.closest(".system");
  if (!system) {
    return;
  }
  const line = system.getBoundingClientRect();
  const view = score.getBoundingClientRect();
  if (line.top < view.top || line.bottom > view.bottom) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const top = score.scrollTop + line.top - view.top - 16;
    score.scrollTo({ top, behavior: still ? "auto" : "smooth" });
  }
}

function keepShowing() {
  show();
  if (!audio.paused) {
    requestAnimationFrame(keepShowing);
  }
}

/** The bar line before or after the second that is heard, or two seconds away where no bars are known. */
function nextBar(direction) {
  const now = audio.currentTime;
  const bars = direction > 0 ? piece.bars.filter((bar) => bar > now + 0.05) : piece.bars.filter((bar) => bar < now - 0.3);
  const there = direction > 0 ? bars[0] : bars[bars.length - 1];
  return there ?? Math.min(Math.max(now + 2 * direction, 0), piece.length);
}

audio.addEventListener("play", keepShowing);
for (const event of ["seeked", "timeupdate", "pause"]) {
  audio.addEventListener(event, show);
}
score.addEventListener("click", (event) => {
  const note = event.target.closest(".note");
  if (note && starts.has(note.id)) {
    seek(starts.get(note.id));
    audio.play();
  }
});
document.getElementById("speed").addEventListener("change", (event) => {
  audio.playbackRate = Number(event.target.value);
});
for (const [id, by] of [["closer", 1.4], ["farther", 1 / 1.4]]) {
  document.getElementById(id).addEventListener("click", () => roll.magnify(by));
}
document.addEventListener("keydown", (event) => {
  if (event.target.closest("audio, select, button") || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  if (event.key === " ") {
    event.preventDefault();
    audio.paused ? audio.play() : audio.pause();
  } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault();
    seek(nextBar(event.key === "ArrowRight" ? 1 : -1));
  }
});
show();
