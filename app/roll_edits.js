// What is mended in the notes that were read, and what that makes of them: as app/edits.py has it, so that the page
// shows at once what the files will hold; and the way back.
//
// edits: {removed: [{pitch, onset}], changed: [{was: {pitch, onset}, now: drawn}], confirmed: [drawn], added: [drawn]},
// where a drawn note is {onset, pitch, offset, hand}, and notes are known by the pitch and onset that were read.
// rules: {same, octave, shortest}, as edits.py has them.

const NO_EDITS = { removed: [], changed: [], confirmed: [], added: [] };
const TOGETHER = 900; // milliseconds between small steps of one note that are undone together
const MOST_STEPS = 500; // that can be undone

/** The edits, and what they were before. Nothing in it is ever changed in place. */
class Mending {
  constructor(edits) {
    this.number = 0; // of the notes that were added: what they are known by here
    const added = (edits.added ?? []).map((note) => ({ ...note, number: ++this.number }));
    this.steps = [{ edits: { ...NO_EDITS, ...edits, added } }];
    this.at = 0;
  }

  get edits() {
    return this.steps[this.at].edits;
  }

  get count() {
    return Object.values(this.edits).reduce((sum, part) => sum + part.length, 0);
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.steps.length - 1;
  }

  undo() {
    this.at -= this.canUndo ? 1 : 0;
    this.steps[this.at].name = null;
  }

  redo() {
    this.at += this.canRedo ? 1 : 0;
    this.steps[this.at].name = null;
  }

  /** Go on to other edits. Steps of the same ``name``, soon after one another, are one. */
  go(edits, name = null) {
    const last = this.steps[this.at];
    const goesOn = name !== null && last.name === name && performance.now() - last.when < TOGETHER;
    this.steps.splice(goesOn ? this.at : this.at + 1);
    this.steps.push({ edits, name, when: performance.now() });
    this.steps.splice(0, this.steps.length - MOST_STEPS);
    this.at = this.steps.length - 1;
  }

  clear() {
    this.go(NO_EDITS);
  }

  remove(note) {
    const edits = this.without(note);
    this.go(note.was ? { ...edits, removed: [...edits.removed, note.was] } : edits);
  }

  confirm(note) {
    const edits = this.without(note);
    const { onset, pitch } = note.was;
    this.go({ ...edits, confirmed: [...edits.confirmed, { onset, pitch, offset: note.offset, hand: null }] });
  }

  change(note, now, name = null) {
    const edits = this.without(note);
    if (note.was) {
      this.go({ ...edits, changed: [...edits.changed, { was: note.was, now }] }, name);
    } else {
      this.go({ ...edits, added: [...edits.added, { ...now, number: note.number }] }, name);
    }
  }

  /** What a note is known by that is added. */
  add(now) {
    const number = ++this.number;
    this.go({ ...this.edits, added: [...this.edits.added, { ...now, number }] });
    return nameOf({ number });
  }

  /** The edits but for what they say of a note. */
  without(note) {
    const other = (spot) => !note.was || spot.pitch !== note.was.pitch || spot.onset !== note.was.onset;
    const { removed, changed, confirmed, added } = this.edits;
    return {
      removed,
      changed: changed.filter(({ was }) => other(was)),
      confirmed: confirmed.filter(other),
      added: added.filter(({ number }) => number !== note.number),
    };
  }

  /** As it is sent. */
  plain() {
    const added = this.edits.added.map(({ onset, pitch, offset, hand }) => ({ onset, pitch, offset, hand }));
    return { ...this.edits, added };
  }
}

/** What a note is known by, whatever is done to it. */
function nameOf({ was, number }) {
  return was ? `${was.pitch} ${was.onset}` : `new ${number}`;
}

/** The notes as edited, in order; each says what it `was`, or its `number` among those added, and its `state`. */
function mend(edits, read, rules) {
  const ofPitch = new Map();
  for (const note of read) {
    ofPitch.has(note.pitch) ? ofPitch.get(note.pitch).push(note) : ofPitch.set(note.pitch, [note]);
  }
  const take = (spot) => takeNearest(ofPitch.get(spot.pitch) ?? [], spot.onset, rules.same);
  edits.removed.forEach(take);
  const mine = [
    ...edits.changed.map(({ was, now }) => ({ ...asDrawn(take(was), now, read, rules), was, state: "changed" })),
    ...edits.confirmed.map((note) => {
      const was = { pitch: note.pitch, onset: note.onset };
      return { ...asDrawn(take(note), note, read, rules), was, state: "confirmed" };
    }),
    ...edits.added.map((note) => ({ ...asDrawn(null, note, read, rules), number: note.number, state: "added" })),
  ];
  const rest = [...ofPitch.values()].flat().map((note) => ({ ...note, was: spotOf(note), state: "read" }));
  return apart(rest, mine, rules.shortest).map((note) => ({ ...note, name: nameOf(note) }));
}

function spotOf({ pitch, onset }) {
  return { pitch, onset };
}

/** The note of these that begins nearest to a second, taken out of them; null where none is near. */
function takeNearest(notes, onset, same) {
  let found = -1;
  notes.forEach((note, index) => {
    if (found < 0 || Math.abs(note.onset - onset) < Math.abs(notes[found].onset - onset)) {
      found = index;
    }
  });
  return found < 0 || Math.abs(notes[found].onset - onset) > same ? null : notes.splice(found, 1)[0];
}

function asDrawn(was, drawn, read, { octave }) {
  const { onset, pitch, offset } = drawn;
  if (was) {
    const hand = drawn.hand ?? was.hand;
    const finger = hand === was.hand && pitch === was.pitch ? was.finger : null;
    return { ...was, onset, pitch, offset, hand, finger, confidence: 1, given: drawn.hand };
  }
  const far = (note) => Math.abs(note.onset - onset) + Math.abs(note.pitch - pitch) / octave;
  const nearest = read.reduce((best, note) => (best && far(best) <= far(note) ? best : note), null);
  const hand = drawn.hand ?? nearest?.hand ?? null;
  return { onset, pitch, offset, velocity: nearest?.velocity ?? 80, hand, finger: null, confidence: 1, given: drawn.hand };
}

/** One ends at the latest where its key is struck again, and what was read yields to what is `mine`. */
function apart(read, mine, shortest) {
  const ofPitch = new Map();
  for (const note of [...read, ...mine].sort((one, other) => one.onset - other.onset)) {
    const line = ofPitch.get(note.pitch) ?? [];
    const last = line[line.length - 1];
    if (last && note.onset - last.onset < shortest) {
      if (note.state !== "read" || last.state === "read") {
        line[line.length - 1] = note;
      }
    } else {
      line.push(note);
    }
    ofPitch.set(note.pitch, line);
  }
  const kept = [];
  for (const line of ofPitch.values()) {
    line.forEach((note, index) => {
      kept.push({ ...note, offset: Math.min(note.offset, line[index + 1]?.onset ?? Infinity) });
    });
  }
  return kept.sort((one, other) => one.onset - other.onset || one.pitch - other.pitch);
}
