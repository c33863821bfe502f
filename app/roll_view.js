// A piano roll on a canvas: the keys at the left, time to the right, the second that is heard at a fixed line.
//
// piece: {notes: [{onset, offset, pitch, velocity, hand, finger, confidence}], bars: [seconds], beats: [seconds],
// names: {pitch: name}, length}; notes are in order of onset. `seek(second)` is called when a note, or an empty place,
// is clicked. The page's roll_editor.js draws with this too, and lets the view stand where it likes.

const KEYS = 56; // pixels of the keyboard at the left
const HEARD = 0.25; // of the width beyond the keys: where the second that is heard stands
const SECOND = 110; // pixels, before zooming
const ZOOM = { least: 0.1, most: 6 };
const BLACK = new Set([1, 3, 6, 8, 10]);
const USUAL = 80; // velocity of a note in its hand's own colour

/** What is drawn, and where. */
class RollPicture {
  constructor(canvas, piece) {
    this.canvas = canvas;
    this.zoom = 1;
    this.now = 0;
    this.take(piece);
  }

  take(piece) {
    this.piece = piece;
    this.longest = piece.notes.reduce((longest, note) => Math.max(longest, note.offset - note.onset), 0);
  }

  get scale() {
    return SECOND * this.zoom;
  }

  get line() {
    return KEYS + HEARD * (this.canvas.clientWidth - KEYS);
  }

  /** The second at the left edge, beside the keys. */
  get left() {
    return this.now - (this.line - KEYS) / this.scale;
  }

  get right() {
    return this.left + (this.canvas.clientWidth - KEYS) / this.scale;
  }

  x(second) {
    return KEYS + (second - this.left) * this.scale;
  }

  y(pitch) {
    return (this.high - pitch) * this.lane;
  }

  secondAt(x) {
    return this.left + (x - KEYS) / this.scale;
  }

  pitchAt(y) {
    return Math.ceil(this.high - y / this.lane);
  }

  /** The notes that may be seen from one second to another. */
  between(from, to) {
    const notes = this.piece.notes;
    const near = [];
    for (let index = firstFrom(notes, from - this.longest); index < notes.length && notes[index].onset <= to; index++) {
      if (notes[index].offset >= from) {
        near.push(notes[index]);
      }
    }
    return near;
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = window.devicePixelRatio || 1;
    const size = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) {
      [this.canvas.width, this.canvas.height] = size;
    }
    this.pen = this.canvas.getContext("2d");
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.style = getComputedStyle(this.canvas);
    this.colours = new Map(); // asking for the style of every note would take longer than drawing it
    this.drawLanes(width, height);
    this.drawTimes(this.left, this.right, height);
    const near = this.between(this.left, this.right);
    const down = new Set(near.filter((note) => note.onset <= this.now && this.now < note.offset));
    near.forEach((note) => this.drawNote(note, down.has(note)));
    this.drawMarks();
    this.fill("--heard", this.x(this.now) - 1, 0, 2, height);
    this.drawKeys([...down], height);
  }

  colour(name) {
    if (!this.colours.has(name)) {
      this.colours.set(name, this.style.getPropertyValue(name));
    }
    return this.colours.get(name);
  }

  fill(colour, x, y, width, height) {
    this.pen.fillStyle = this.colour(colour);
    this.pen.fillRect(x, y, width, height);
  }

  /** The pitches of which something is seen. */
  get seen() {
    const lowest = Math.max(21, this.pitchAt(this.canvas.clientHeight));
    const highest = Math.min(108, this.pitchAt(0) + 1);
    return Array.from({ length: Math.max(0, highest - lowest + 1) }, (_, index) => lowest + index);
  }

  drawLanes(width, height) {
    this.fill("--paper", 0, 0, width, height);
    for (const pitch of this.seen) {
      if (BLACK.has(pitch % 12)) {
        this.fill("--lane", KEYS, this.y(pitch), width, this.lane);
      } else if (pitch % 12 === 0) {
        this.fill("--line", KEYS, this.y(pitch - 1), width, 1);
      }
    }
  }

  drawTimes(from, to, height) {
    const { beats, bars } = this.piece;
    const close = beats.length > 1 && (this.scale * (beats[beats.length - 1] - beats[0])) / beats.length < 14;
    for (const [times, colour] of [[close ? [] : beats, "--line"], [bars, "--bar"]]) {
      for (const time of times.filter((time) => from <= time && time <= to)) {
        this.fill(colour, this.x(time), 0, 1, height);
      }
    }
  }

  /** Left edge, top, width and height of a note's bar. */
  bar(note) {
    const width = Math.max(3, (note.offset - note.onset) * this.scale - 1);
    return [this.x(note.onset), this.y(note.pitch) + 0.5, width, this.lane - 1];
  }

  drawNote(note, lit) {
    const bar = this.bar(note);
    this.pen.globalAlpha = lit ? 1 : Math.min(1, 0.85 + (note.velocity - USUAL) / 130);
    this.fill(`--${note.hand ?? "hand"}`, ...bar);
    this.pen.globalAlpha = 1;
    if (lit) {
      this.pen.strokeStyle = this.colour("--ink");
      this.pen.strokeRect(...bar);
    }
    if (note.finger && bar[2] > 11 && this.lane > 9) {
      this.write(note.finger, bar[0] + 6, this.y(note.pitch) + this.lane / 2, "--on-note", "center");
    }
  }

  /** What stands over the notes. */
  drawMarks() {}

  drawKeys(down, height) {
    const lit = new Map(down.map((note) => [note.pitch, note.hand]));
    this.fill("--white-key", 0, 0, KEYS - 1, height);
    for (const pitch of this.seen) {
      const black = BLACK.has(pitch % 12);
      const colour = lit.has(pitch) ? `--${lit.get(pitch) ?? "hand"}` : "--black-key";
      if (black || lit.has(pitch)) {
        this.fill(colour, 0, this.y(pitch), black ? KEYS * 0.6 : KEYS - 1, this.lane);
      }
      if (pitch % 12 === 0 || pitch % 12 === 5) {
        this.fill("--key-line", 0, this.y(pitch - 1), KEYS - 1, 1);
      }
      if (pitch % 12 === 0) {
        this.write(this.piece.names[pitch], KEYS - 4, this.y(pitch) + this.lane / 2, "--black-key", "right");
      }
    }
    this.fill("--bar", KEYS - 1, 0, 1, height);
  }

  write(text, x, y, colour, align, size = Math.min(11, this.lane)) {
    this.pen.fillStyle = this.colour(colour);
    this.pen.font = `${size}px system-ui, sans-serif`;
    this.pen.textAlign = align;
    this.pen.textBaseline = "middle";
    this.pen.fillText(text, x, y);
  }
}

/** The picture that goes along with what is heard, all its pitches in view. */
class RollView extends RollPicture {
  constructor(canvas, piece, seek) {
    super(canvas, piece);
    const pitches = piece.notes.map((note) => note.pitch);
    this.low = Math.max(21, Math.min(60, ...pitches) - 2);
    this.high = Math.min(108, Math.max(72, ...pitches) + 2);
    canvas.addEventListener("click", (event) => seek(this.noteAt(event)?.onset ?? this.placeAt(event)));
    canvas.addEventListener("mousemove", (event) => this.tell(event));
    canvas.addEventListener("wheel", (event) => this.turn(event, seek), { passive: false });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  get lane() {
    return this.canvas.clientHeight / (this.high - this.low + 1);
  }

  placeAt(event) {
    return Math.min(Math.max(this.secondAt(event.offsetX), 0), this.piece.length);
  }

  noteAt(event) {
    const second = this.secondAt(event.offsetX);
    const pitch = this.pitchAt(event.offsetY);
    const reach = 3 / this.scale; // a short note is still three pixels wide
    const near = event.offsetX < KEYS ? [] : this.between(second - reach, second + reach);
    return near.find((note) => note.pitch === pitch);
  }

  /** What the note below the pointer is, in words. */
  tell(event) {
    const note = this.noteAt(event);
    const words = note && [
      this.piece.names[note.pitch],
      `${note.onset.toFixed(2)} s`,
      note.hand && `${note.hand} hand`,
      note.finger && `finger ${note.finger}`,
      `sure ${Math.round(100 * note.confidence)} %`,
    ];
    this.canvas.title = words ? words.filter(Boolean).join(", ") : "";
    this.canvas.style.cursor = note ? "pointer" : "default";
  }

  /** The wheel goes through time; with Ctrl it zooms. */
  turn(event, seek) {
    event.preventDefault();
    if (event.ctrlKey) {
      this.magnify(Math.exp(-event.deltaY / 300));
    } else {
      const second = this.now + (event.deltaX + event.deltaY) / this.scale;
      seek(Math.min(Math.max(second, 0), this.piece.length));
    }
  }

  magnify(by) {
    this.zoom = Math.min(Math.max(this.zoom * by, ZOOM.least), ZOOM.most);
    this.draw();
  }

  /** Draw what is heard at a second, and around it. */
  show(now) {
    this.now = now;
    this.draw();
  }
}

/** Index of the first note that does not begin before a second. */
function firstFrom(notes, second) {
  let [low, high] = [0, notes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (notes[middle].onset < second) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
