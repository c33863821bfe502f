// The part of a video that is read, chosen on a strip of its pictures: two handles, two fields, and a button.
//
// data: {duration, start, end, revision, pictures, seconds, width, height, least, words}. Times are seconds. `pictures`
// are addresses, `seconds` their times, in order; `width` and `height` their size; `least` is the shortest part.
// The component sends {revision, start, end} once a part is chosen, never while a handle is held; the page's own part is
// taken when `revision` changes.

const REST = 400; // milliseconds without a key before its move is sent
const GRID = [0.1, 0.5, 1]; // seconds: what is dragged lies on the finest that is wider than a pixel
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]; // of the ruler, seconds
const APART = 58; // pixels at least between two numbers of the ruler
const NARROWEST = 56; // pixels of a tile
const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }; // seconds
const FAR = 10; // times as far with Shift
const BEGIN = 0;
const END = 1;
const PART = 2; // what a pointer may hold

const timelines = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let timeline = timelines.get(parentElement);
  if (!timeline?.box.isConnected) {
    timeline?.leave();
    timeline = new Timeline(parentElement);
    timelines.set(parentElement, timeline);
  }
  timeline.send = (value) => setStateValue("span", value);
  timeline.show(data);
  return () => {
    if (!timeline.box.isConnected) {
      timeline.leave(); // Streamlit may also call this for a call that a newer one overtook
    }
  };
}

class Timeline {
  constructor(root) {
    const find = (selector) => root.querySelector(selector);
    this.box = find(".timeline");
    this.track = find(".track");
    this.tiles = find(".tiles");
    this.part = find(".part");
    this.ruler = find(".ruler");
    this.problem = find(".problem");
    this.length = find(".length");
    this.whole = find(".whole");
    this.fields = [...root.querySelectorAll(".time")];
    this.handles = [find(".handle.begin"), find(".handle.end")];
    this.held = null; // what a pointer holds
    this.timer = null;
    this.handles.forEach((handle, which) => {
      handle.addEventListener("keydown", (event) => this.step(event, which));
      handle.addEventListener("blur", () => this.settle());
    });
    this.track.addEventListener("pointerdown", (event) => this.grab(event));
    this.track.addEventListener("pointermove", (event) => this.drag(event));
    this.track.addEventListener("pointerup", (event) => this.drop(event));
    this.track.addEventListener("pointercancel", (event) => this.cancel(event));
    this.track.addEventListener("dblclick", () => this.take(0, this.data.duration));
    this.whole.addEventListener("click", () => this.take(0, this.data.duration));
    this.fields.forEach((field, which) => {
      field.addEventListener("change", () => this.read(which));
      field.addEventListener("keydown", (event) => this.type(event, which));
    });
    this.observer = new ResizeObserver(() => this.data && this.draw());
    this.observer.observe(this.track);
  }

  leave() {
    this.observer.disconnect();
    clearTimeout(this.timer);
  }

  /** Take what the page says; the part only where the page set it anew, never out of a moving hand. */
  show(data) {
    const fresh = !this.data || data.revision !== this.data.revision;
    this.data = data;
    if (fresh) {
      clearTimeout(this.timer);
      this.timer = this.held = null;
      this.span = [data.start, data.end];
      this.problem.textContent = "";
      this.tiles.replaceChildren();
    }
    const { words } = data;
    this.box.setAttribute("aria-label", words.timeline);
    this.whole.textContent = words.whole;
    [words.begin, words.end].forEach((name, which) => {
      this.fields[which].previousElementSibling.textContent = name;
      this.handles[which].setAttribute("aria-label", which === BEGIN ? words.beginHandle : words.endHandle);
    });
    this.draw();
  }

  // ---- moving by a pointer -------------------------------------------------------------------------------------------

  grab(event) {
    if (event.button !== 0 || this.held !== null) {
      return;
    }
    const handle = this.handles.indexOf(event.target);
    const at = this.timeAt(event);
    if (handle < 0 && this.isWhole()) {
      return; // nothing to move
    }
    event.preventDefault();
    this.settle();
    this.before = [...this.span];
    this.pointer = event.pointerId;
    this.track.setPointerCapture(event.pointerId);
    if (handle >= 0) {
      this.held = handle;
      this.offset = this.span[handle] - at;
      this.handles[handle].focus({ preventScroll: true });
    } else {
      const [start, end] = this.span;
      this.held = PART;
      this.offset = at >= start && at <= end ? start - at : (start - end) / 2; // a tile elsewhere becomes its middle
      this.fields.forEach((field) => field.blur());
      this.drag(event);
    }
    this.draw();
  }

  drag(event) {
    if (this.held === null || event.pointerId !== this.pointer) {
      return;
    }
    const grid = GRID.find((step) => step >= this.data.duration / this.track.clientWidth) ?? GRID.at(-1);
    const to = Math.round((this.timeAt(event) + this.offset) / grid) * grid;
    if (this.held === PART) {
      const long = this.before[END] - this.before[BEGIN];
      const start = clamp(to, 0, this.data.duration - long);
      this.span = [start, start + long];
      this.draw();
    } else {
      this.move(this.held, to);
    }
  }

  drop(event) {
    if (this.held === null || event.pointerId !== this.pointer) {
      return;
    }
    this.held = null;
    if (String(this.before) !== String(this.span)) {
      this.tell();
    }
    this.draw();
  }

  /** The finger scrolls the page, or was one too many. */
  cancel(event) {
    if (this.held !== null && event.pointerId === this.pointer) {
      this.held = null;
      this.span = this.before;
      this.draw();
    }
  }

  timeAt(event) {
    const { left, width } = this.track.getBoundingClientRect();
    return ((event.clientX - left) / width) * this.data.duration;
  }

  // ---- by keys, fields and the button --------------------------------------------------------------------------------

  /** Arrow keys: a second, ten with Shift; Home and End: as far as it goes. */
  step(event, which) {
    const { duration } = this.data;
    const by = { ...KEYS, Home: -duration, End: duration }[event.key];
    if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    event.preventDefault();
    this.move(which, this.span[which] + by * (event.shiftKey ? FAR : 1));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), REST);
  }

  /** Send what keys moved. */
  settle() {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
      this.tell();
    }
  }

  type(event, which) {
    if (event.key === "Escape") {
      this.fields[which].value = printTime(this.span[which]);
    } else if (event.key === "Enter") {
      this.read(which);
    }
  }

  /** Take what was typed; what makes no sense is told in words, and all stays as it was. */
  read(which) {
    const typed = this.fields[which].value.trim();
    if (typed === printTime(this.span[which])) {
      return;
    }
    const { duration, least, words } = this.data;
    const [start, end] = this.span;
    const seconds = typed === "" ? [0, duration][which] : parseTime(typed);
    let problem = "";
    if (seconds === null) {
      problem = words.noTime.replace("{typed}", () => typed.slice(0, 40));
    } else if (which === BEGIN && seconds >= duration) {
      problem = words.pastTheEnd.replace("{end}", printTime(duration));
    } else if (which === BEGIN && seconds > Math.max(0, end - least)) {
      problem = words.beginTooLate.replace("{end}", printTime(end));
    } else if (which === END && Math.min(seconds, duration) < Math.min(start + least, duration)) {
      problem = words.endTooEarly.replace("{begin}", printTime(start));
    }
    if (problem) {
      this.problem.textContent = problem;
    } else {
      this.settle();
      this.take(...(which === BEGIN ? [seconds, end] : [start, Math.min(seconds, duration)]));
    }
    this.fields[which].value = printTime(this.span[which]);
  }

  take(start, end) {
    const changed = String([start, end]) !== String(this.span);
    this.span = [start, end];
    this.problem.textContent = "";
    if (changed) {
      this.tell();
    }
    this.draw();
  }

  /** One end of the part, as far as the other and the video let it. */
  move(which, to) {
    const { duration, least } = this.data;
    const [start, end] = this.span;
    this.span =
      which === BEGIN
        ? [clamp(to, 0, Math.max(0, end - least)), end]
        : [start, clamp(to, Math.min(duration, start + least), duration)];
    this.draw();
  }

  tell() {
    clearTimeout(this.timer);
    this.timer = null;
    const { duration, revision } = this.data;
    this.span = this.span.map((second) => (duration - second < 0.05 ? duration : Math.round(second * 10) / 10));
    this.problem.textContent = "";
    this.send({ revision, start: this.span[BEGIN], end: this.span[END] });
  }

  isWhole() {
    return this.span[BEGIN] <= 0 && this.span[END] >= this.data.duration;
  }

  // ---- drawing -------------------------------------------------------------------------------------------------------

  draw() {
    const { duration, least, words } = this.data;
    const [start, end] = this.span;
    const [from, to] = [(100 * start) / duration, (100 * end) / duration];
    const width = this.track.clientWidth;
    this.box.classList.toggle("all", this.isWhole());
    this.box.style.setProperty("--inner", `${Math.min(12, ((to - from) * width) / 300)}px`);
    this.part.classList.toggle("held", this.held === PART);
    this.part.style.left = this.handles[BEGIN].style.left = this.handles[END].style.left = `${from}%`;
    this.handles[END].style.left = `${to}%`;
    this.part.style.width = `${to - from}%`;
    this.box.querySelector(".before").style.width = `${from}%`;
    this.box.querySelector(".after").style.width = `${100 - to}%`;
    const limits = [
      [0, Math.max(0, end - least)],
      [Math.min(duration, start + least), duration],
    ];
    this.handles.forEach((handle, which) => {
      handle.setAttribute("aria-valuemin", limits[which][0].toFixed(1));
      handle.setAttribute("aria-valuemax", limits[which][1].toFixed(1));
      handle.setAttribute("aria-valuenow", this.span[which].toFixed(1));
      handle.setAttribute("aria-valuetext", printTime(this.span[which]));
    });
    this.fields.forEach((field, which) => {
      if (field !== field.getRootNode().activeElement) {
        field.value = printTime(this.span[which]);
      }
    });
    const text = this.isWhole() ? words.all : words.some;
    this.length.textContent = text
      .replace("{part}", inWords(end - start, words))
      .replace("{whole}", inWords(duration, words));
    this.whole.disabled = this.isWhole();
    this.drawTiles(width);
    this.drawRuler(width);
  }

  /** As many equal tiles as there is room for, each with the picture nearest to its middle, or none if that is far. */
  drawTiles(width) {
    const { duration, pictures, seconds } = this.data;
    const natural = (this.track.clientHeight * this.data.width) / this.data.height;
    const count = Math.max(1, Math.round(width / Math.max(NARROWEST, natural)));
    if (this.tiles.childElementCount === count) {
      return;
    }
    const tile = duration / count;
    const shown = Array.from({ length: count }, (_, number) => {
      const middle = (number + 0.5) * tile;
      const away = seconds.map((second) => Math.abs(second - middle));
      const nearest = away.indexOf(Math.min(...away));
      if (away[nearest] > tile) {
        return document.createElement("span");
      }
      const image = document.createElement("img");
      Object.assign(image, { src: pictures[nearest], alt: "", draggable: false });
      return image;
    });
    this.tiles.replaceChildren(...shown);
  }

  drawRuler(width) {
    const { duration } = this.data;
    const step = STEPS.find((seconds) => (seconds / duration) * width >= APART) ?? STEPS.at(-1);
    const key = `${step} ${duration}`;
    if (this.ruler.dataset.drawn === key) {
      return;
    }
    this.ruler.dataset.drawn = key;
    const marks = Array.from({ length: Math.floor(duration / step + 1e-6) + 1 }, (_, number) => {
      const mark = document.createElement("span");
      mark.textContent = printTime(number * step);
      mark.style.left = `${(100 * number * step) / duration}%`;
      return mark;
    });
    this.ruler.replaceChildren(...marks);
  }
}

/** Seconds of a time such as 83, 1:23, 1:23.5 or 1:02:03; null where it is none. */
export function parseTime(text) {
  const parts = /^(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?)$/.exec(text.trim());
  if (!parts) {
    return null;
  }
  const [hours, minutes, seconds] = parts.slice(1).map((part) => (part === undefined ? null : Number(part.replace(",", "."))));
  if ((minutes !== null && seconds >= 60) || (hours !== null && minutes >= 60)) {
    return null;
  }
  return Math.round(10 * (3600 * (hours ?? 0) + 60 * (minutes ?? 0) + seconds)) / 10;
}

/** A time as minutes:seconds, with hours and tenths where there are any. */
export function printTime(time) {
  const tenths = Math.round(10 * time);
  const [hours, minutes, seconds] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60, Math.floor(tenths / 10) % 60];
  const long = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : String(minutes);
  return `${long}:${String(seconds).padStart(2, "0")}${tenths % 10 ? `.${tenths % 10}` : ""}`;
}

/** A length such as “1 minute 23 seconds”. `words` has each unit as [one, more]. */
export function inWords(time, words) {
  const tenths = Math.round(10 * time);
  const amounts = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10];
  const named = [words.hours, words.minutes, words.seconds]
    .map(([one, more], unit) => [amounts[unit], amounts[unit] === 1 ? one : more])
    .filter(([amount], unit) => amount || (unit === 2 && !tenths));
  return named.map(([amount, name]) => `${amount} ${name}`).join(" ");
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
