// The notes on the page, to look at, to follow while they sound, and to mend. Needs roll_view.js and roll_edits.js.
//
// data: {reading, revision, edits, notes, transpose, start, end, bars, beats, names, doubtful, rules, words}. `notes` are
// those read, [onset, pitch, offset, velocity, hand, finger, confidence] each, in the keys that were played; what is
// shown is `transpose` semitones higher. The component sends {reading, revision, edits}, a moment after the last edit.
// The edits are kept here: what the page sends back of them counts only where another `reading` begins.

const REST = 600; // milliseconds without an edit before the edits are sent
const STILL = 4; // pixels by which a pointer may move and have clicked
const TWICE = 400; // milliseconds between the clicks of a double click
const EDGE = { mouse: 7, touch: 14 }; // pixels at a note's ends by which its length is changed
const FINGER = 14; // pixels by which a finger may miss a note
const NUDGE = { move: 0.02, length: 0.05, cursor: 0.1 }; // seconds of a step by key or button
const LANES = { least: 6, fit: 14, most: 30 }; // pixels of a key
const LENGTH = { least: 0.08, usual: 0.25, most: 1 }; // seconds of a new note
const WHEEL = 300; // pixels of the wheel by which the zoom changes by a factor of e
const CLOSER = 1.4;
const ROOM = 0.1; // of what is seen: how near to the edge a note or the player's line may come
const STEP = 0.05; // seconds by which video and sound may differ after a seek
const FAR = 0.2; // and while they play
const STEPS = [0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120]; // seconds between those that are written above the notes
const PIANO = { least: 21, most: 108 }; // its keys
const STROKES = {
  n: "next", p: "previous", k: "keep", l: "left", r: "right", a: "draw", " ": "play", "+": "closer", "=": "closer",
  "-": "farther", Delete: "remove", Backspace: "remove", Enter: "put", Insert: "put",
};
const WITH_ALT = { ArrowLeft: "earlier", ArrowRight: "later", ArrowUp: "higher", ArrowDown: "lower" };
const WITH_ALT_SHIFT = { ArrowLeft: "shorter", ArrowRight: "longer" };

const editors = new WeakMap();
let memory = null; // of the reading last shown: what is kept when the page draws the editor anew

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let editor = editors.get(parentElement);
  if (!editor?.box.isConnected) {
    editor?.leave();
    editor = new RollEditor(parentElement);
    editors.set(parentElement, editor);
  }
  editor.send = (value) => setStateValue("edits", value);
  editor.show(data);
  return () => {
    if (!editor.box.isConnected) {
      editor.leave(); // Streamlit may also call this for a call that a newer one overtook
    }
  };
}

/** The roll with a view that stands where it is put, and marks on what is doubtful, chosen or just being drawn. */
class MendedRoll extends RollPicture {
  left = 0;
  lane = LANES.fit;
  high = 84;

  chosen = null; // name of a note
  held = null; // {name, note}: what is drawn instead of a note, or besides all
  cursor = null; // {second, pitch, length}: where a key would put a note, shown while the roll has the keyboard

  drawMarks() {
    if (this.held) {
      this.drawNote(this.held.note, false);
    }
    if (this.cursor && !this.chosen && this.canvas.matches(":focus")) {
      const { second, pitch, length } = this.cursor; // where Enter puts a note
      this.outline(this.bar({ onset: second, offset: second + length, pitch }), "--ink", [2, 2], 1.5);
    }
  }

  drawNote(note, lit) {
    if (this.held?.name === note.name && this.held.note !== note) {
      return;
    }
    const doubtful = this.isDoubtful(note);
    super.drawNote(doubtful ? { ...note, finger: null } : note, lit);
    const bar = this.bar(note);
    if (doubtful) {
      this.pen.fillStyle = this.hatching();
      this.pen.fillRect(...bar);
      this.outline(around(bar, 2.5), "--doubt", [4, 2], 2); // besides it, as many of them are too short to be seen
    }
    if (note.name === this.chosen) {
      this.outline(around(bar, doubtful ? 5 : 2), "--ink", [], 2.5);
    }
  }

  drawTimes(from, to, height) {
    super.drawTimes(from, to, height);
    const step = STEPS.find((seconds) => seconds * this.scale > 64);
    for (let second = Math.ceil(from / step) * step; second <= to; second += step) {
      this.fill("--faint", this.x(second), 0, 1, 5);
      this.write(brief(second), this.x(second) + 3, 7, "--faint", "left", 11);
    }
  }

  isDoubtful(note) {
    return note.state === "read" && note.confidence < this.doubtful;
  }

  outline([x, y, width, height], colour, dashes, thickness) {
    this.pen.strokeStyle = this.colour(colour);
    this.pen.lineWidth = thickness;
    this.pen.setLineDash(dashes);
    this.pen.strokeRect(x, y, width, height);
    this.pen.setLineDash([]);
    this.pen.lineWidth = 1;
  }

  /** Slanted lines of the paper's colour. */
  hatching() {
    const colour = this.colour("--paper");
    if (this.hatched !== colour) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 6;
      const pen = tile.getContext("2d");
      pen.strokeStyle = colour;
      pen.lineWidth = 1.6;
      for (const from of [-6, 0, 6]) {
        pen.moveTo(from, 6);
        pen.lineTo(from + 6, 0);
      }
      pen.stroke();
      this.hatch = this.pen.createPattern(tile, "repeat");
      this.hatched = colour;
    }
    return this.hatch;
  }
}

class RollEditor {
  constructor(root) {
    const find = (selector) => root.querySelector(selector);
    this.box = find(".roll");
    this.canvas = find(".notes");
    this.overview = find(".overview");
    this.buttons = [...this.box.querySelectorAll("button")];
    this.pointers = new Map();
    this.hold = null; // what the pointer that is down does
    this.pressed = { when: 0 }; // the last click on an empty place
    this.drawing = false; // whether a press on an empty place draws a note
    this.timer = null;
    this.frame = null;
    this.box.editor = this; // for who looks at it from outside: tests, a console
    this.listen();
  }

  // ---- what the page says --------------------------------------------------------------------------------------------

  show(data) {
    const first = !this.data;
    this.data = data;
    this.read = data.notes.map(([onset, pitch, offset, velocity, hand, finger, confidence]) => ({
      onset, pitch, offset, velocity, hand, finger, confidence,
    }));
    const fresh = memory?.reading !== data.reading;
    if (fresh) {
      this.stopTimer();
      this.hold = null;
      memory = { reading: data.reading, revision: data.revision, mending: new Mending(data.edits), now: data.start };
    }
    if (!this.roll) {
      this.roll = new MendedRoll(this.canvas, { notes: [], bars: [], beats: [], names: {} });
    }
    this.roll.doubtful = data.doubtful;
    this.mending = memory.mending;
    this.roll.now = memory.now;
    if (first) {
      this.putWords();
      Object.assign(this.roll, memory.view);
    }
    if (fresh) {
      Object.assign(this.roll, { chosen: null, cursor: null, held: null });
    }
    this.mustFit ||= !memory.view;
    this.refresh();
  }

  putWords() {
    const { words } = this.data;
    for (const button of this.buttons) {
      const name = button.dataset.do;
      button.textContent = words[name];
      button.title = words[`${name} help`] ?? words[name];
      button.setAttribute("aria-label", button.title);
    }
    this.canvas.setAttribute("aria-label", words.roll);
    this.overview.setAttribute("aria-label", words.overview);
    this.box.querySelectorAll(".bar").forEach((bar, index) => bar.setAttribute("aria-label", words.bars[index]));
    this.box.querySelector("summary").textContent = words.how;
    const lines = words.help.map((line) => Object.assign(document.createElement("li"), { textContent: line }));
    this.box.querySelector("ul").replaceChildren(...lines);
  }

  /** Work out the notes as edited, and all that is shown of them. */
  refresh() {
    const { transpose, bars, beats, names, rules, end } = this.data;
    const notes = mend(this.mending.edits, this.read, rules).map((note) => ({ ...note, pitch: note.pitch + transpose }));
    const shown = notes.filter(({ pitch }) => PIANO.least <= pitch && pitch <= PIANO.most);
    this.roll.take({ notes: shown, bars, beats, names, length: end });
    this.doubts = shown.filter((note) => this.roll.isDoubtful(note));
    if (!this.chosen) {
      this.roll.chosen = null;
    }
    this.overviewDrawn = false;
    this.setButtons();
    this.tell(this.chosen);
    this.redraw();
  }

  get notes() {
    return this.roll.piece.notes;
  }

  get chosen() {
    return this.notes.find((note) => note.name === this.roll.chosen);
  }

  setButtons() {
    const note = this.chosen;
    const { mending, data, doubts } = this;
    const off = {
      undo: !mending.canUndo,
      redo: !mending.canRedo,
      clear: mending.count === 0,
      previous: !doubts.length,
      next: !doubts.length,
      keep: !note || !this.roll.isDoubtful(note),
      left: !note || note.hand === "left",
      right: !note || note.hand === "right",
    };
    for (const button of this.buttons) {
      const name = button.dataset.do;
      const needsNote = ["remove", "lower", "higher", "earlier", "later", "shorter", "longer"].includes(name);
      button.disabled = off[name] ?? (needsNote && !note);
    }
    const at = note ? doubts.findIndex(({ name }) => name === note.name) : -1;
    const count = at < 0 ? fill(data.words.doubts, { count: doubts.length })
      : fill(data.words["doubt of"], { at: at + 1, count: doubts.length });
    this.box.querySelector(".count").textContent = count;
    this.buttonOf("clear").textContent = mending.count ? `${data.words.clear} (${mending.count})` : data.words.clear;
    this.buttonOf("draw").setAttribute("aria-pressed", String(this.drawing));
  }

  buttonOf(name) {
    return this.buttons.find((button) => button.dataset.do === name);
  }

  // ---- telling -------------------------------------------------------------------------------------------------------

  /** Say in words what a note is; without one, what can be done. */
  tell(note, aloud = false) {
    const { words } = this.data;
    const line = note ? this.describe(note) : words[this.drawing ? "draw here" : "nothing"];
    this.box.querySelector(".told").textContent = line;
    if (aloud) {
      this.say(line);
    }
  }

  say(line) {
    this.box.querySelector(".said").textContent = line;
  }

  describe(note) {
    const { words, names } = this.data;
    const parts = [
      names[note.pitch],
      fill(words.time, { from: clock(note.onset), to: clock(note.offset) }),
      words.hands[note.hand ?? "unknown"],
      note.finger && fill(words.finger, { finger: note.finger }),
      note.state === "read" ? fill(words.sure, { sure: Math.round(100 * note.confidence) }) : words[note.state],
      this.roll.isDoubtful(note) && words.doubtful,
    ];
    return parts.filter(Boolean).join(" · ");
  }

  // ---- editing -------------------------------------------------------------------------------------------------------

  /** Show what was edited, and send it when no other edit follows. */
  edited() {
    memory.revision += 1;
    this.stopTimer();
    this.timer = setTimeout(() => this.settle(), REST);
    this.refresh();
  }

  settle() {
    if (this.timer !== null) {
      this.stopTimer();
      this.send({ reading: memory.reading, revision: memory.revision, edits: this.mending.plain() });
    }
  }

  stopTimer() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  do(name) {
    const actions = {
      play: () => this.play(),
      closer: () => this.magnify(CLOSER),
      farther: () => this.magnify(1 / CLOSER),
      taller: () => this.heighten(CLOSER),
      flatter: () => this.heighten(1 / CLOSER),
      undo: () => this.goBack(() => this.mending.undo(), "undone"),
      redo: () => this.goBack(() => this.mending.redo(), "redone"),
      clear: () => this.goBack(() => this.mending.clear(), "cleared"),
      draw: () => this.setDrawing(!this.drawing),
      previous: () => this.step(this.doubts, -1),
      next: () => this.step(this.doubts, 1),
      put: () => this.put(),
    };
    if (actions[name]) {
      actions[name]();
    } else if (this.chosen) {
      this.doToNote(name, this.chosen);
    }
  }

  doToNote(name, note) {
    const { move, length } = NUDGE;
    const steps = {
      earlier: () => ({ onset: note.onset - move, offset: note.offset - move }),
      later: () => ({ onset: note.onset + move, offset: note.offset + move }),
      shorter: () => ({ offset: note.offset - length }),
      longer: () => ({ offset: note.offset + length }),
      lower: () => ({ pitch: note.pitch - 1 }),
      higher: () => ({ pitch: note.pitch + 1 }),
      left: () => ({ hand: "left" }),
      right: () => ({ hand: "right" }),
    };
    if (name === "remove") {
      this.remove(note);
    } else if (name === "keep" && this.roll.isDoubtful(note)) {
      this.mending.confirm(note);
      this.edited();
      this.tell(this.chosen, true);
    } else if (steps[name]) {
      this.change(note, steps[name](), `${name} ${note.name}`);
      this.tell(this.chosen, true);
    }
  }

  remove(note) {
    this.putCursor(note.onset, note.pitch);
    this.mending.remove(note);
    this.edited();
    this.say(fill(this.data.words.removed, { note: this.data.names[note.pitch], time: clock(note.onset) }));
  }

  /** Set a note anew, as far as it stays on the keys and in the video. `name`: of a step that may be one of several. */
  change(note, to, name = null) {
    const drawn = this.possible({ ...note, ...to }, note);
    const same = ["onset", "pitch", "offset"].every((part) => drawn[part] === note[part]);
    if (same && !to.hand) {
      return;
    }
    this.mending.change(note, this.toRead({ ...drawn, hand: to.hand ?? note.given ?? null }), name);
    this.roll.chosen = note.name;
    this.edited();
    this.reveal(this.chosen);
  }

  /** Put a note where the cursor is. */
  put() {
    if (this.chosen) {
      return;
    }
    const { second, pitch } = this.cursor;
    this.add({ onset: second, offset: second + this.usualLength(second, pitch), pitch });
  }

  add(drawn) {
    const possible = this.possible(drawn);
    if (possible.pitch !== drawn.pitch) {
      return; // so transposed, no key would have been played there
    }
    this.roll.chosen = this.mending.add(this.toRead({ ...possible, hand: null }));
    this.edited();
    this.reveal(this.chosen);
    this.tell(this.chosen, true);
  }

  /** A note within the keys and the video. ``before``: whose length stays where both ends moved. */
  possible(note, before = null) {
    const { start, end, transpose } = this.data;
    const { shortest } = this.data.rules;
    const moved = before && note.onset !== before.onset && note.offset !== before.offset;
    const length = moved ? Math.min(before.offset - before.onset, end - start) : null;
    let onset = clamp(note.onset, start, end - Math.max(shortest, length ?? 0));
    let offset = moved ? onset + length : clamp(note.offset, onset + shortest, end);
    [onset, offset] = [onset, offset].map((second) => clamp(Math.round(second * 1e4) / 1e4, start, end));
    const pitch = clamp(note.pitch, Math.max(PIANO.least, PIANO.least + transpose), Math.min(PIANO.most, PIANO.most + transpose));
    return { ...note, onset, offset, pitch };
  }

  /** As it is sent: in the key that was played. */
  toRead({ onset, pitch, offset, hand }) {
    return { onset, pitch: pitch - this.data.transpose, offset, hand };
  }

  /** That of most notes here, but not beyond the next on its key. */
  usualLength(second, pitch) {
    const lengths = this.notes.map((note) => note.offset - note.onset).sort((one, other) => one - other);
    const usual = lengths.length ? lengths[lengths.length >> 1] : LENGTH.usual;
    const next = this.notes.find((note) => note.pitch === pitch && note.onset > second);
    const room = next ? next.onset - second : Infinity;
    return Math.max(this.data.rules.shortest, Math.min(clamp(usual, LENGTH.least, LENGTH.most), room));
  }

  /** Undo or redo, and show what came of it. */
  goBack(go, word) {
    const before = new Set(this.notes.map(fingerprint));
    const count = this.notes.length;
    go();
    this.edited();
    const back = this.notes.find((note) => !before.has(fingerprint(note)));
    if (back && Math.abs(this.notes.length - count) <= 1) {
      this.choose(back, { aloud: false });
    }
    this.say([this.data.words[word], this.chosen && this.describe(this.chosen)].filter(Boolean).join(": "));
  }

  setDrawing(on) {
    this.drawing = on;
    this.setButtons();
    this.tell(this.chosen);
    this.canvas.style.cursor = on ? "crosshair" : "default";
  }

  // ---- choosing ------------------------------------------------------------------------------------------------------

  choose(note, { aloud = true, reveal = true } = {}) {
    this.roll.chosen = note?.name ?? null;
    if (note) {
      this.putCursor(note.onset, note.pitch);
    }
    if (note && reveal) {
      this.reveal(note);
    }
    this.setButtons();
    this.tell(note, aloud);
    this.redraw();
  }

  putCursor(second, pitch) {
    const onset = clamp(second, this.data.start, this.data.end - this.data.rules.shortest);
    const on = clamp(pitch, PIANO.least, PIANO.most);
    this.roll.cursor = { second: onset, pitch: on, length: this.usualLength(onset, on) };
  }

  get cursor() {
    if (!this.roll.cursor) {
      const middle = this.roll.pitchAt(this.canvas.clientHeight / 2);
      this.putCursor(clamp(this.roll.now, this.roll.left, this.roll.right), middle);
    }
    return this.roll.cursor;
  }

  /** The note before or after the chosen one, or the cursor, among some. */
  step(notes, direction) {
    const { second, pitch } = this.cursor;
    const here = this.chosen ?? { onset: second, pitch: pitch - direction / 2 };
    const order = (note) => (note.onset - here.onset || note.pitch - here.pitch) * direction;
    const ahead = notes.filter((note) => order(note) > 0);
    const next = direction > 0 ? ahead[0] : ahead[ahead.length - 1];
    const round = direction > 0 ? notes[0] : notes[notes.length - 1];
    this.choose(next ?? (notes === this.doubts ? round : this.chosen));
  }

  /** The cursor a key higher or lower, or a little earlier or later, onto a note where there is one. */
  moveCursor(seconds, keys) {
    const { second, pitch } = this.cursor;
    this.putCursor(second + seconds, pitch + keys);
    const at = this.roll.cursor;
    const note = this.notes.find((one) => one.pitch === at.pitch && one.onset <= at.second && at.second < one.offset);
    if (note) {
      this.roll.chosen = note.name;
      this.reveal(note);
      this.tell(note, true);
    } else {
      this.roll.chosen = null;
      this.reveal({ onset: at.second, offset: at.second + at.length, pitch: at.pitch });
      const { names, words } = this.data;
      const line = fill(words.empty, { note: names[at.pitch], time: clock(at.second) });
      this.box.querySelector(".told").textContent = line;
      this.say(line);
    }
    this.setButtons();
    this.redraw();
  }

  // ---- the view ------------------------------------------------------------------------------------------------------

  /** Show the beginning, and all keys that are played. */
  fit() {
    const pitches = this.notes.map((note) => note.pitch);
    const low = Math.max(PIANO.least, Math.min(60, ...pitches) - 3);
    const high = Math.min(PIANO.most, Math.max(72, ...pitches) + 3);
    const { roll } = this;
    roll.zoom = 1;
    roll.lane = clamp(this.canvas.clientHeight / (high - low + 1), LANES.least, LANES.fit);
    roll.high = high;
    roll.left = this.data.start;
    this.mustFit = false;
  }

  keepInside() {
    const { roll, canvas, data } = this;
    const width = (canvas.clientWidth - KEYS) / roll.scale;
    roll.left = clamp(roll.left, data.start - 0.05 * width, Math.max(data.start, data.end - 0.8 * width));
    const lanes = canvas.clientHeight / roll.lane;
    roll.high = clamp(roll.high, Math.min(PIANO.most, PIANO.least + lanes - 1), PIANO.most);
  }

  /** Zoom through time, about a place in pixels; else about what is chosen or heard, if it is seen. */
  magnify(by, x = null) {
    const { roll } = this;
    const second = this.chosen?.onset ?? roll.now;
    const seen = roll.left <= second && second <= roll.right;
    const about = x ?? (seen ? roll.x(second) : (KEYS + this.canvas.clientWidth) / 2);
    const fixed = roll.secondAt(about);
    roll.zoom = clamp(roll.zoom * by, ZOOM.least, ZOOM.most);
    roll.left = fixed - (about - KEYS) / roll.scale;
    this.redraw();
  }

  /** Make the keys higher or lower on the screen, about a place in pixels, the chosen note or the middle. */
  heighten(by, y = null) {
    const { roll } = this;
    const about = y ?? (this.chosen ? roll.y(this.chosen.pitch) : this.canvas.clientHeight / 2);
    const fixed = roll.high - about / roll.lane;
    roll.lane = clamp(roll.lane * by, LANES.least, LANES.most);
    roll.high = fixed + about / roll.lane;
    this.redraw();
  }

  pan(x, y) {
    this.roll.left -= x / this.roll.scale;
    this.roll.high += y / this.roll.lane;
    this.redraw();
  }

  /** Bring a note into view. */
  reveal(note) {
    const { roll, canvas } = this;
    const room = ROOM * (roll.right - roll.left);
    if (note.onset < roll.left + room / 2 || Math.min(note.offset, note.onset + room) > roll.right - room) {
      roll.left = note.onset - 3 * room;
    }
    const lanes = canvas.clientHeight / roll.lane;
    roll.high = clamp(roll.high, note.pitch + 1, note.pitch + lanes - 2);
    this.redraw();
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.box.isConnected && this.canvas.clientWidth) {
        this.draw();
      }
    });
  }

  draw() {
    const began = performance.now();
    const { roll } = this;
    if (this.mustFit) {
      this.fit();
    }
    this.keepInside();
    this.box.classList.toggle("dark", isLight(getComputedStyle(this.box).color));
    roll.cursor = this.canvas.matches(":focus") ? this.cursor : roll.cursor; // where the next key would be put
    roll.draw();
    this.drawOverview();
    const { left, zoom, high, lane, chosen } = roll;
    Object.assign(memory, { now: roll.now, view: { left, zoom, high, lane, chosen, cursor: roll.cursor } });
    this.took = performance.now() - began; // milliseconds, for measuring
  }

  /** All of the piece in a strip, doubtful notes as ticks above; and the part of it that is seen. */
  drawOverview() {
    const { overview, roll, data } = this;
    const { clientWidth: width, clientHeight: height } = overview;
    const ratio = window.devicePixelRatio || 1;
    const at = (second) => ((second - data.start) / Math.max(1e-6, data.end - data.start)) * width;
    const paper = roll.colour("--paper");
    const still = this.still ?? (this.still = document.createElement("canvas"));
    if (!this.overviewDrawn || still.width !== Math.round(width * ratio) || this.stillOn !== paper) {
      still.width = overview.width = Math.round(width * ratio);
      still.height = overview.height = Math.round(height * ratio);
      this.drawStill(still.getContext("2d"), ratio, at, height);
      [this.overviewDrawn, this.stillOn] = [true, paper];
    }
    const pen = overview.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.drawImage(still, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.strokeStyle = roll.colour("--ink");
    pen.lineWidth = 2;
    const [from, to] = [at(roll.left), at(roll.right)].map((x) => clamp(x, 1, width - 1));
    pen.strokeRect(from, 1, Math.max(4, to - from), height - 2);
    pen.fillStyle = roll.colour("--heard");
    pen.fillRect(at(roll.now) - 1, 0, 2, height);
    overview.setAttribute("aria-valuemin", data.start.toFixed(1));
    overview.setAttribute("aria-valuemax", data.end.toFixed(1));
    overview.setAttribute("aria-valuenow", roll.left.toFixed(1));
    overview.setAttribute("aria-valuetext", fill(data.words.seen, { from: clock(roll.left), to: clock(roll.right) }));
  }

  drawStill(pen, ratio, at, height) {
    const { roll } = this;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = roll.colour("--lane");
    pen.fillRect(0, 0, this.overview.clientWidth, height);
    const pitches = this.notes.map((note) => note.pitch);
    const [low, high] = pitches.reduce(([low, high], pitch) => [Math.min(low, pitch), Math.max(high, pitch)], [60, 72]);
    for (const note of this.notes) {
      const y = 7 + ((high - note.pitch) / (high - low)) * (height - 11);
      pen.fillStyle = roll.colour(`--${note.hand ?? "hand"}`);
      pen.fillRect(at(note.onset), y, Math.max(1, at(note.offset) - at(note.onset)), 2);
    }
    pen.fillStyle = roll.colour("--doubt");
    for (const note of this.doubts) {
      pen.fillRect(at(note.onset), 1, 2, 5);
    }
  }

  // ---- the player ----------------------------------------------------------------------------------------------------

  /** What plays the notes as they are: a sound of its own, else the video. */
  get media() {
    return this.nearest("audio") ?? this.nearest("video");
  }

  /** The last of a kind above the roll, or the first below. */
  nearest(kind) {
    const here = this.box.getRootNode().host ?? this.box;
    const all = [...document.querySelectorAll(kind)];
    const above = all.filter((one) => one.compareDocumentPosition(here) & Node.DOCUMENT_POSITION_FOLLOWING);
    return above[above.length - 1] ?? all[0] ?? null;
  }

  /** The second of the notes at which a player begins: a video shows the part that was read alone. */
  begin(media) {
    return media.tagName === "VIDEO" ? this.data.start : 0;
  }

  /** The video that shows what is heard, where that is a sound of its own. */
  get picture() {
    return this.media?.tagName === "AUDIO" ? this.nearest("video") : null;
  }

  /** Let the sound and the video, which is older and silent then, do the same: whichever is told to. */
  keepStep({ type, target }, media, picture) {
    const other = target === media ? picture : media;
    const there = this.begin(target) + target.currentTime - this.begin(other);
    const far = type === "timeupdate" ? (target === media ? FAR : Infinity) : STEP;
    if (["play", "seeked", "timeupdate"].includes(type) && Math.abs(other.currentTime - there) > far) {
      other.currentTime = Math.max(0, there);
    }
    if (type === "play") {
      picture.muted = true;
      this.silenced = picture;
      other.paused && other.play().catch(() => {});
    } else if (type === "pause" && !other.ended) {
      other.pause();
    }
  }

  seek(second) {
    const { media, data } = this;
    const there = clamp(second, data.start, data.end);
    if (media) {
      media.currentTime = Math.max(0, there - this.begin(media));
    }
    this.roll.now = memory.now = there;
    this.redraw();
  }

  play() {
    const { media } = this;
    if (media?.paused) {
      media.play().catch(() => {});
    } else {
      media?.pause();
    }
  }

  heard(event) {
    const { media, picture } = this;
    if (!media || !this.roll) {
      return;
    }
    if (picture && [media, picture].includes(event.target)) {
      this.keepStep(event, media, picture);
    }
    if (event.target !== media) {
      return;
    }
    if (this.silenced === media) {
      media.muted = false; // drawn anew, it has the sound of the notes as they are
      this.silenced = null;
    }
    if (event.type === "loadedmetadata") {
      const [there, playing] = [memory.now, memory.playing];
      setTimeout(() => this.anew(media, there, playing)); // after the page has sent it to its beginning
      return;
    }
    if (media.readyState < media.HAVE_METADATA) {
      return; // it is being changed for another, and stands at its beginning only meanwhile
    }
    memory.playing = !media.paused;
    this.buttonOf("play").textContent = this.data.words[media.paused ? "play" : "pause"];
    this.follow(media);
    if (!media.paused && !this.following) {
      this.following = true;
      const on = () => {
        this.following = !media.paused && media.isConnected && this.box.isConnected;
        if (this.following) {
          this.follow(media);
          requestAnimationFrame(on);
        }
      };
      on();
    }
  }

  /** A player of changed notes goes on where the one before was. */
  anew(media, there, playing) {
    this.seek(there);
    if (playing) {
      media.play().catch(() => {});
    }
  }

  follow(media) {
    const { roll } = this;
    roll.now = memory.now = this.begin(media) + media.currentTime;
    const room = ROOM * (roll.right - roll.left);
    if (!media.paused && !this.hold && (roll.now < roll.left || roll.now > roll.right - room)) {
      roll.left = roll.now - room;
    }
    this.redraw();
  }

  // ---- the pointer ---------------------------------------------------------------------------------------------------

  listen() {
    const { canvas, overview } = this;
    const on = (target, names, act, how) => names.forEach((name) => target.addEventListener(name, act, how));
    on(canvas, ["pointerdown"], (event) => this.press(event));
    on(canvas, ["pointermove"], (event) => this.drag(event));
    on(canvas, ["pointerup"], (event) => this.release(event, true));
    on(canvas, ["pointercancel"], (event) => this.release(event, false));
    on(canvas, ["pointerleave"], () => this.hold || this.tell(this.chosen));
    on(canvas, ["touchstart"], (event) => this.claims(event) && event.preventDefault(), { passive: false });
    on(canvas, ["wheel"], (event) => this.turn(event), { passive: false });
    on(canvas, ["focus", "blur"], () => this.redraw());
    on(overview, ["pointerdown", "pointermove"], (event) => this.travel(event));
    on(overview, ["keydown"], (event) => this.travelByKey(event));
    on(this.box, ["keydown"], (event) => this.stroke(event));
    on(this.box, ["transitionend"], () => this.redraw());
    on(this.box, ["pointerleave", "focusout"], () => this.hold || this.settle()); // files may be wanted next
    this.buttons.forEach((button) => on(button, ["click"], () => this.do(button.dataset.do)));
    this.hears = (event) => this.heard(event);
    on(document, ["play", "pause", "timeupdate", "seeked", "loadedmetadata"], this.hears, true); // they do not bubble
    this.observer = new ResizeObserver(() => {
      this.overviewDrawn = false;
      this.redraw();
    });
    this.observer.observe(canvas);
  }

  leave() {
    this.settle();
    this.observer.disconnect();
    for (const name of ["play", "pause", "timeupdate", "seeked", "loadedmetadata"]) {
      document.removeEventListener(name, this.hears, true);
    }
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** The note at a place: the chosen one first, else the nearest as far as the pointer may miss it. */
  noteAt({ x, y }, touch) {
    if (x < KEYS) {
      return null;
    }
    const [beside, over] = touch ? [FINGER, FINGER] : [3, 0];
    const { roll } = this;
    const reach = beside / roll.scale;
    const second = roll.secondAt(x);
    const found = [];
    for (const note of roll.between(second - reach, second + reach)) {
      const [left, top, width, height] = roll.bar(note);
      const far = Math.hypot(outside(x, left, left + width), outside(y, top - 0.5, top + height + 0.5));
      if (outside(x, left, left + width) <= beside && outside(y, top - 0.5, top + height + 0.5) <= over) {
        found.push([note.name === roll.chosen ? -1 : far, note]);
      }
    }
    return found.sort((one, other) => one[0] - other[0])[0]?.[1] ?? null;
  }

  /** Which part of a note a place is on: its start, its end, or the whole. */
  partAt({ x }, note, touch) {
    const [left, , width] = this.roll.bar(note);
    if (touch && width < 3 * EDGE.touch) {
      return "move"; // too short for a finger to tell its parts; buttons change its length
    }
    const edge = Math.min(touch ? EDGE.touch : EDGE.mouse, width / 3);
    return x > left + width - edge ? "end" : x < left + edge && width > 12 ? "start" : "move";
  }

  /** Whether a finger is the roll's, and does not scroll the page. */
  claims(event) {
    const note = this.noteAt(this.place(event.touches[0]), true);
    return this.drawing || event.touches.length > 1 || (note !== null && note.name === this.roll.chosen);
  }

  press(event) {
    if (event.button !== 0) {
      return;
    }
    const touch = event.pointerType === "touch";
    const place = this.place(event);
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, place);
    this.roll.held = null;
    if (this.pointers.size > 1) {
      this.hold = { kind: "pinch" };
      return;
    }
    const note = this.noteAt(place, touch);
    const twice = performance.now() - this.pressed.when < TWICE && near(place, this.pressed);
    const mine = note && (!touch || note.name === this.roll.chosen);
    const kind = mine ? this.partAt(place, note, touch) : note ? "tap" : this.drawing || twice ? "draw" : "pan";
    this.hold = { kind, note, place, last: place, moved: false };
    if (mine) {
      this.choose(note, { reveal: false }); // not away from below the pointer
    }
  }

  drag(event) {
    const place = this.place(event);
    const touch = event.pointerType === "touch";
    if (!this.hold) {
      const note = this.noteAt(place, touch);
      this.tell(note ?? this.chosen);
      const part = note && this.partAt(place, note, touch);
      this.canvas.style.cursor = note ? (part === "move" ? "move" : "ew-resize") : this.drawing ? "crosshair" : "default";
      return;
    }
    if (this.hold.kind === "pinch") {
      this.pinch(event, place);
      return;
    }
    const { hold } = this;
    hold.moved ||= !near(place, hold.place);
    if (!hold.moved) {
      return;
    }
    if (hold.kind === "pan" || hold.kind === "tap") {
      this.pan(place.x - hold.last.x, place.y - hold.last.y);
    } else {
      this.roll.held = { name: hold.kind === "draw" ? null : hold.note.name, note: this.heldNote(hold, place) };
      this.box.querySelector(".told").textContent = this.describe(this.roll.held.note);
      this.redraw();
    }
    hold.last = place;
  }

  /** What a note becomes when it is let go here. */
  heldNote({ kind, note, place: from }, to) {
    const { roll } = this;
    if (kind === "draw") {
      const [onset, offset] = [from.x, to.x].map((x) => roll.secondAt(x)).sort((one, other) => one - other);
      const drawn = this.possible({ onset, offset, pitch: roll.pitchAt(from.y) });
      return { ...drawn, velocity: USUAL, hand: null, finger: null, state: "added", confidence: 1 };
    }
    const seconds = Math.abs(to.x - from.x) < STILL ? 0 : (to.x - from.x) / roll.scale;
    const ends = {
      start: { onset: Math.min(note.onset + seconds, note.offset - this.data.rules.shortest) },
      end: { offset: note.offset + seconds },
      move: {
        onset: note.onset + seconds,
        offset: note.offset + seconds,
        pitch: note.pitch + roll.pitchAt(to.y) - roll.pitchAt(from.y),
      },
    };
    return this.possible({ ...note, ...ends[kind] }, note);
  }

  release(event, meant) {
    this.pointers.delete(event.pointerId);
    const { hold } = this;
    if (hold?.kind === "pinch") {
      this.hold = this.pointers.size ? hold : null;
      return;
    }
    const held = this.roll.held?.note;
    this.hold = this.roll.held = null;
    if (!hold || !meant) {
      this.redraw();
    } else if (held) {
      const { onset, pitch, offset } = held;
      hold.kind === "draw" ? this.add(held) : this.change(hold.note, { onset, pitch, offset });
    } else if (!hold.moved) {
      this.click(hold);
    }
  }

  click({ kind, note, place }) {
    const [second, pitch] = [this.roll.secondAt(place.x), this.roll.pitchAt(place.y)];
    if (note) {
      this.choose(note, { reveal: false });
    } else if (place.x >= KEYS && kind === "draw") {
      this.pressed = { when: 0 };
      this.add({ onset: second, offset: second + this.usualLength(second, pitch), pitch });
    } else if (place.x >= KEYS) {
      this.pressed = { when: performance.now(), ...place };
      this.putCursor(second, pitch);
      this.choose(null);
      this.seek(second);
    }
  }

  /** Two fingers zoom and move. */
  pinch(event, place) {
    const before = [...this.pointers.values()];
    this.pointers.set(event.pointerId, place);
    const after = [...this.pointers.values()];
    if (before.length !== 2) {
      return;
    }
    const middle = ([one, other]) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
    const apart = ([one, other]) => Math.hypot(one.x - other.x, one.y - other.y);
    const [was, is] = [middle(before), middle(after)];
    this.pan(is.x - was.x, is.y - was.y);
    this.magnify(apart(after) / Math.max(1, apart(before)), is.x);
  }

  /** The wheel zooms with Ctrl, and goes through time; upright it scrolls the page until the roll was clicked. */
  turn(event) {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    const upright = this.canvas.matches(":focus") && !event.shiftKey ? event.deltaY : 0;
    if (event.ctrlKey || event.metaKey) {
      this.magnify(Math.exp(-event.deltaY / WHEEL), this.place(event).x);
    } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY) || upright) {
      this.pan(-(sideways + upright), 0);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** A press on the strip below goes to that part of the piece. */
  travel(event) {
    if (event.type === "pointerdown") {
      this.overview.setPointerCapture(event.pointerId);
    } else if (!event.buttons) {
      return;
    }
    const { data, roll } = this;
    const box = this.overview.getBoundingClientRect();
    const second = data.start + ((event.clientX - box.left) / box.width) * (data.end - data.start);
    roll.left = second - (roll.right - roll.left) / 2;
    this.redraw();
  }

  travelByKey(event) {
    const { roll, data } = this;
    const step = 0.5 * (roll.right - roll.left);
    const to = {
      ArrowLeft: roll.left - step, ArrowRight: roll.left + step, Home: data.start, End: data.end,
    }[event.key];
    if (to !== undefined) {
      roll.left = to;
      event.preventDefault();
      event.stopPropagation();
      this.redraw();
    }
  }

  // ---- the keyboard --------------------------------------------------------------------------------------------------

  stroke(event) {
    if (event.target.closest("summary") || (event.target.closest("button") && [" ", "Enter"].includes(event.key))) {
      return;
    }
    if (this.strokeMeans(event)) {
      event.preventDefault();
      event.stopPropagation(); // the page has keys of its own
    }
  }

  /** Do what a key stands for; false where it stands for nothing here. */
  strokeMeans(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      const name = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key];
      name && this.do(name);
      return Boolean(name);
    }
    if (event.altKey) {
      const name = (event.shiftKey ? WITH_ALT_SHIFT : WITH_ALT)[key];
      name && this.do(name);
      return Boolean(name);
    }
    return this.arrow(key, event.shiftKey) || this.simple(key);
  }

  arrow(key, shift) {
    const far = shift ? 12 : 1;
    const ways = {
      ArrowLeft: () => (shift ? this.moveCursor(-NUDGE.cursor, 0) : this.step(this.notes, -1)),
      ArrowRight: () => (shift ? this.moveCursor(NUDGE.cursor, 0) : this.step(this.notes, 1)),
      ArrowUp: () => this.moveCursor(0, far),
      ArrowDown: () => this.moveCursor(0, -far),
      Home: () => this.choose(this.notes[0]),
      End: () => this.choose(this.notes[this.notes.length - 1]),
    };
    ways[key]?.();
    return key in ways;
  }

  simple(key) {
    if (key === "Escape" && (this.drawing || this.chosen)) {
      this.setDrawing(false);
      this.choose(null);
      return true;
    }
    if (key in STROKES) {
      this.do(STROKES[key]);
    }
    return key in STROKES;
  }
}

function fingerprint({ name, onset, pitch, offset, hand, state }) {
  return [name, onset, pitch, offset, hand, state].join(" ");
}

/** Minutes and seconds, to a hundredth. */
function clock(second) {
  const hundredths = Math.max(0, Math.round(second * 100));
  const rest = (hundredths % 6000) / 100;
  return `${Math.floor(hundredths / 6000)}:${rest.toFixed(2).padStart(5, "0")}`;
}

/** The same, as short as can be. */
function brief(second) {
  return clock(second).replace(/\.(\d*?)0+$/, (_, kept) => (kept ? `.${kept}` : ""));
}

function around([x, y, width, height], by) {
  return [x - by, y - by, width + 2 * by, height + 2 * by];
}

function fill(words, values) {
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Whether a colour, as the browser tells it, is a light one. */
function isLight(colour) {
  const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
  return red + green + blue > 382;
}

function near(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y) <= STILL;
}

/** By how much a number lies outside two others. */
function outside(value, low, high) {
  return Math.max(0, low - value, value - high);
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
