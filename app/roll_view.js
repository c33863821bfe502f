// A piano roll on a canvas: the keys at the left, time to the right, the second that is heard at a fixed line.
//
// piece: {notes: [{onset, offset, pitch, velocity, hand, finger, confidence}], bars: [seconds], beats: [seconds],
// names: {pitch: name}, length}. `seek(second)` is called when a note, or an empty place, is clicked.

const KEYS = 56; // pixels of the keyboard at the left
const HEARD = 0.25; // of the width beyond the keys: where the second that is heard stands
const SECOND = 110; // pixels, before zooming
const ZOOM = { least: 0.1, most: 6 };
const BLACK = new Set([1, 3, 6, 8, 10]);
const USUAL = 80; // velocity of a note in its hand's own colour

class RollView {
  constructor(canvas, piece, seek) {
    this.canvas = canvas;
    this.piece = piece;
    this.zoom = 1;
    this.now = 0;
    const pitches = piece.notes.map((note) => note.pitch);
    this.low = Math.max(21, Math.min(60, ...pitches) - 2);
    this.high = Math.min(108, Math.max(72, ...pitches) + 2);
    this.longest = Math.max(0, ...piece.notes.map((note) => note.offset - note.onset));
    canvas.addEventListener("click", (event) => seek(this.noteAt(event)?.onset ?? this.secondAt(event)));
    canvas.addEventListener("mousemove", (event) => this.tell(event));
    canvas.addEventListener("wheel", (event) => this.turn(event, seek), { passive: false });
    new ResizeObserver(() => this.show(this.now)).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show(this.now));
  }

  get scale() {
    return SECOND * this.zoom;
  }

  get line() {
    return KEYS + HEARD * (this.canvas.clientWidth - KEYS);
  }

  x(second) {
    return this.line + (second - this.now) * this.scale;
  }

  y(pitch) {
    return ((this.high - pitch) * this.canvas.clientHeight) / (this.high - this.low + 1);
  }

  secondAt(event) {
    const second = this.now + (event.offsetX - this.line) / this.scale;
    return Math.min(Math.max(second, 0), this.piece.length);
  }

  noteAt(event) {
    const second = this.now + (event.offsetX - this.line) / this.scale;
    const pitch = this.high - Math.floor(event.offsetY / this.lane);
    const reach = 3 / this.scale; // a short note is still three pixels wide
    const on = (note) => note.pitch === pitch && note.onset - reach <= second && second <= note.offset + reach;
    return event.offsetX < KEYS ? undefined : this.piece.notes.find(on);
  }

  get lane() {
    return this.canvas.clientHeight / (this.high - this.low + 1);
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
    this.show(this.now);
  }

  /** Draw what is heard at a second, and around it. */
  show(now) {
    this.now = now;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.pen = this.canvas.getContext("2d");
    this.pen.scale(ratio, ratio);
    this.colours = getComputedStyle(this.canvas);
    this.drawLanes(width, height);
    const from = now - (this.line - KEYS) / this.scale;
    const to = now + (width - this.line) / this.scale;
    this.drawTimes(from, to, height);
    const near = this.piece.notes.filter((note) => note.offset >= from && note.onset <= to);
    const down = near.filter((note) => note.onset <= now && now < note.offset);
    near.forEach((note) => this.drawNote(note, down.includes(note)));
    this.fill("--heard", this.line - 1, 0, 2, height);
    this.drawKeys(down);
  }

  fill(colour, x, y, width, height) {
    this.pen.fillStyle = this.colours.getPropertyValue(colour);
    this.pen.fillRect(x, y, width, height);
  }

  drawLanes(width, height) {
    this.fill("--paper", 0, 0, width, height);
    for (let pitch = this.low; pitch <= this.high; pitch++) {
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

  drawNote(note, lit) {
    const x = this.x(note.onset);
    const width = Math.max(3, (note.offset - note.onset) * this.scale - 1);
    const y = this.y(note.pitch) + 0.5;
    this.pen.globalAlpha = lit ? 1 : Math.min(1, 0.85 + (note.velocity - USUAL) / 130);
    this.fill(`--${note.hand ?? "hand"}`, x, y, width, this.lane - 1);
    this.pen.globalAlpha = 1;
    if (lit) {
      this.pen.strokeStyle = this.colours.getPropertyValue("--ink");
      this.pen.strokeRect(x, y, width, this.lane - 1);
    }
    if (note.finger && width > 11 && this.lane > 9) {
      this.write(note.finger, x + 6, y + this.lane / 2, "--on-note", "center");
    }
  }

  drawKeys(down) {
    const lit = new Map(down.map((note) => [note.pitch, note.hand]));
    this.fill("--white-key", 0, 0, KEYS - 1, this.canvas.clientHeight);
    for (let pitch = this.low; pitch <= this.high; pitch++) {
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
    this.fill("--bar", KEYS - 1, 0, 1, this.canvas.clientHeight);
  }

  write(text, x, y, colour, align) {
    this.pen.fillStyle = this.colours.getPropertyValue(colour);
    this.pen.font = `${Math.min(11, this.lane)}px system-ui, sans-serif`;
    this.pen.textAlign = align;
    this.pen.textBaseline = "middle";
    this.pen.fillText(text, x, y);
  }
}
