// The keyboard's four corners, dragged over a picture of the video; the keys between them are drawn as they move.
//
// data: {picture, width, height, corners, lowest, highest, revision, keys, blackLength, words}. Points are
// pixels of the video. `keys` lists the 88 keys as {pitch, left, right, black}, in white-key widths; `blackLength` is of
// a white key's; `words` is all that is read or read aloud.
// The component sends {revision, corners} after each move; the page's own corners are taken when `revision` changes.

const CORNERS = [0, 1, 2, 3];
const MARGIN = 0.06; // of the picture's size, around it: corners may lie outside the picture
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const REST = 400; // milliseconds without an arrow key before its move is sent
const ZOOM = 3; // of the magnifying glass, to the picture as it is shown
const SVG = "http://www.w3.org/2000/svg";

const editors = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let editor = editors.get(parentElement);
  if (!editor?.box.isConnected) {
    editor?.leave();
    editor = new Editor(parentElement);
    editors.set(parentElement, editor);
  }
  editor.send = (value) => setStateValue("corners", value);
  editor.show(data);
  return () => {
    if (!editor.box.isConnected) {
      editor.leave(); // Streamlit may also call this for a call that a newer one overtook
    }
  };
}

class Editor {
  constructor(root) {
    const find = (selector) => root.querySelector(selector);
    this.box = find(".editor");
    this.picture = find(".picture");
    this.loupe = find(".loupe");
    this.problem = find(".problem");
    this.held = null; // index of the corner that a pointer holds
    this.timer = null;
    this.handles = CORNERS.map((index) => this.makeHandle(index));
    find(".handles").replaceChildren(...this.handles);
    this.observer = new ResizeObserver(() => this.data && this.draw());
    this.observer.observe(this.picture);
  }

  leave() {
    this.observer.disconnect();
    if (this.timer !== null) {
      clearTimeout(this.timer);
    }
  }

  /** Take what the page says; corners only where the page set them anew, never out of a moving hand. */
  show(data) {
    const fresh = !this.data || data.revision !== this.data.revision;
    this.data = data;
    this.picture.setAttribute("aria-label", data.words.picture);
    for (const image of this.box.querySelectorAll("image")) {
      if (image.getAttribute("href") !== data.picture) {
        image.setAttribute("href", data.picture);
      }
      image.setAttribute("width", data.width);
      image.setAttribute("height", data.height);
    }
    if (fresh) {
      this.held = null;
      this.corners = data.corners.map((point) => [...point]);
      this.view = this.makeView();
    }
    this.draw();
  }

  /** The part of the plane that is shown: the picture, a margin, and every corner. */
  makeView() {
    const { width, height } = this.data;
    const edge = MARGIN * Math.max(width, height);
    const xs = this.corners.map((point) => point[0]);
    const ys = this.corners.map((point) => point[1]);
    const left = Math.min(-edge, Math.min(...xs) - edge / 2);
    const top = Math.min(-edge, Math.min(...ys) - edge / 2);
    const right = Math.max(width + edge, Math.max(...xs) + edge / 2);
    const bottom = Math.max(height + edge, Math.max(...ys) + edge / 2);
    return { left, top, width: right - left, height: bottom - top };
  }

  makeHandle(index) {
    const handle = make("g", { class: "handle", tabindex: 0, role: "button" });
    handle.dataset.corner = String(index);
    for (const part of ["touch", "ring", "rim", "dot"]) {
      handle.append(make("circle", { class: part }));
    }
    handle.append(make("text", {}));
    handle.addEventListener("pointerdown", (event) => this.grab(event, handle, index));
    handle.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false }); // no scrolling
    handle.addEventListener("pointermove", (event) => this.drag(event, index));
    handle.addEventListener("pointerup", (event) => this.drop(event, handle, index));
    handle.addEventListener("pointercancel", (event) => this.drop(event, handle, index));
    handle.addEventListener("keydown", (event) => this.step(event, index));
    handle.addEventListener("blur", () => this.settle());
    return handle;
  }

  // ---- moving a corner -----------------------------------------------------------------------------------------------

  grab(event, handle, index) {
    if (event.button !== 0) {
      return;
    }
    event.preventDefault();
    handle.focus({ preventScroll: true });
    handle.setPointerCapture(event.pointerId);
    handle.classList.add("held");
    this.settle();
    const [x, y] = this.toVideo(event);
    this.held = index;
    this.before = [...this.corners[index]];
    this.offset = [this.corners[index][0] - x, this.corners[index][1] - y];
    this.draw();
  }

  drag(event, index) {
    if (this.held !== index) {
      return;
    }
    const [x, y] = this.toVideo(event);
    this.move(index, x + this.offset[0], y + this.offset[1]);
  }

  drop(event, handle, index) {
    handle.classList.remove("held");
    if (this.held !== index) {
      return;
    }
    this.held = null;
    if (String(this.before) !== String(this.corners[index])) {
      this.tell();
    }
    this.draw();
  }

  /** Arrow keys: a pixel of the video, ten with Shift. */
  step(event, index) {
    const arrow = ARROWS[event.key];
    if (!arrow) {
      return;
    }
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    const [x, y] = this.corners[index];
    this.move(index, x + far * arrow[0], y + far * arrow[1]);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), REST);
  }

  /** Send what the arrow keys moved. */
  settle() {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
      this.tell();
    }
  }

  move(index, x, y) {
    const { left, top, width, height } = this.view;
    this.corners[index] = [clamp(x, left, left + width), clamp(y, top, top + height)];
    this.draw();
  }

  tell() {
    this.corners = this.corners.map((point) => point.map((value) => Math.round(value * 10) / 10));
    this.view = this.makeView();
    this.send({ revision: this.data.revision, corners: this.corners });
    this.draw();
  }

  toVideo(event) {
    const point = new DOMPoint(event.clientX, event.clientY);
    const { x, y } = point.matrixTransform(this.picture.getScreenCTM().inverse());
    return [x, y];
  }

  // ---- drawing -------------------------------------------------------------------------------------------------------

  draw() {
    const { left, top, width, height } = this.view;
    this.picture.setAttribute("viewBox", `${left} ${top} ${width} ${height}`);
    this.picture.style.aspectRatio = `${width} / ${height}`;
    const box = this.picture.getBoundingClientRect();
    const unit = Math.max(width / (box.width || 800), height / (box.height || Infinity)); // video pixels a screen pixel
    const convex = isConvex(this.corners);
    this.box.classList.toggle("crossed", !convex);
    const problem = convex ? "" : this.data.words.crossed;
    if (this.problem.textContent !== problem) {
      this.problem.textContent = problem;
    }
    this.drawKeys(convex, unit);
    this.handles.forEach((handle, index) => this.drawHandle(handle, index, unit));
    this.drawLoupe(unit);
  }

  drawKeys(convex, unit) {
    const { keys, blackLength, lowest, highest } = this.data;
    const inView = keys.filter((key) => key.pitch >= lowest && key.pitch <= highest);
    const outline = polygon(this.corners);
    let whites = "";
    let blacks = "";
    const names = [];
    if (convex && inView.length > 1) {
      const from = inView[0].left;
      const span = inView[inView.length - 1].right - from;
      const place = homography(this.corners);
      const keyWidth = Math.hypot(this.corners[3][0] - this.corners[2][0], this.corners[3][1] - this.corners[2][1]) / span;
      this.box.style.setProperty("--line", `${clamp(keyWidth / unit / 12, 0.4, 1.2)}px`); // narrow keys, thin lines
      const at = (along, across) => place((along - from) / span, across);
      for (const key of inView) {
        if (key.black) {
          const depth = blackLength;
          blacks += polygon([at(key.left, 0), at(key.right, 0), at(key.right, depth), at(key.left, depth)]);
        } else {
          whites += key === inView[0] ? "" : line(at(key.left, 0), at(key.left, 1));
          if (key.pitch % 12 === 0) {
            names.push(nameOf(key.pitch, at((key.left + key.right) / 2, 0.84), unit));
          }
        }
      }
    }
    this.paint("whites", whites);
    this.paint("blacks", blacks);
    this.paint("outline", outline);
    this.paint("halo", whites);
    this.paint("outline-halo", outline);
    this.box.querySelector(".names").replaceChildren(...names);
  }

  paint(layer, path) {
    for (const element of this.box.querySelectorAll(`.${layer}`)) {
      element.setAttribute("d", path);
    }
  }

  drawHandle(handle, index, unit) {
    const [x, y] = this.corners[index];
    const [touch, ring, rim, dot] = handle.querySelectorAll("circle");
    handle.setAttribute("transform", `translate(${x} ${y})`);
    const nearest = Math.min(...this.corners.filter((_, at) => at !== index).map((p) => Math.hypot(p[0] - x, p[1] - y)));
    touch.setAttribute("r", clamp(nearest / 2, 11 * unit, 22 * unit)); // fingers need 44 pixels, as far as there are
    ring.setAttribute("r", 9 * unit);
    rim.setAttribute("r", 11 * unit);
    dot.setAttribute("r", 2 * unit);
    const { words } = this.data;
    handle.setAttribute("aria-roledescription", words.corner);
    const label = fill(words.place, { name: words.names[index], x: x.toFixed(0), y: y.toFixed(0) });
    handle.setAttribute("aria-label", label);
    const middle = centre(this.corners);
    const text = handle.querySelector("text");
    text.textContent = words.short[index];
    text.setAttribute("font-size", 12 * unit);
    text.setAttribute("text-anchor", x < middle[0] ? "start" : "end");
    text.setAttribute("x", (x < middle[0] ? -10 : 10) * unit);
    text.setAttribute("y", (y < middle[1] ? -17 : 26) * unit);
  }

  /** A magnifying glass over the held corner, on the side where the hand is not. */
  drawLoupe(unit) {
    this.loupe.toggleAttribute("hidden", this.held === null);
    if (this.held === null) {
      return;
    }
    const [x, y] = this.corners[this.held];
    const onLeft = x < this.view.left + this.view.width / 2;
    this.loupe.classList.toggle("right", onLeft);
    this.loupe.classList.toggle("left", !onLeft);
    const half = ((this.loupe.clientWidth || 144) / 2 / ZOOM) * unit;
    this.loupe.setAttribute("viewBox", `${x - half} ${y - half} ${2 * half} ${2 * half}`);
    const cross = line([x - half, y], [x + half, y]) + line([x, y - half], [x, y + half]);
    this.paint("cross", cross);
  }
}

function nameOf(pitch, [x, y], unit) {
  const text = make("text", { x, y, "font-size": 10 * unit, "text-anchor": "middle", "dominant-baseline": "middle" });
  text.textContent = `C${pitch / 12 - 1}`;
  return text;
}

/** The map from the unit square (0,0 back-left; 1,1 front-right) to the corners (Heckbert 1989). */
function homography([[x0, y0], [x1, y1], [x2, y2], [x3, y3]]) {
  const sx = x0 - x1 + x2 - x3;
  const sy = y0 - y1 + y2 - y3;
  const [dx1, dx2, dy1, dy2] = [x1 - x2, x3 - x2, y1 - y2, y3 - y2];
  const det = dx1 * dy2 - dx2 * dy1;
  const g = (sx * dy2 - dx2 * sy) / det;
  const h = (dx1 * sy - sx * dy1) / det;
  const [a, b] = [x1 - x0 + g * x1, x3 - x0 + h * x3];
  const [d, e] = [y1 - y0 + g * y1, y3 - y0 + h * y3];
  return (u, v) => {
    const w = g * u + h * v + 1;
    return [(a * u + b * v + x0) / w, (d * u + e * v + y0) / w];
  };
}

function isConvex(corners) {
  const turns = corners.map((point, index) => {
    const next = corners[(index + 1) % 4];
    const after = corners[(index + 2) % 4];
    return (next[0] - point[0]) * (after[1] - next[1]) - (next[1] - point[1]) * (after[0] - next[0]);
  });
  return turns.every((turn) => turn > 4) || turns.every((turn) => turn < -4);
}

function centre(points) {
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}

function polygon(points) {
  return `M${points.map((point) => point.join(" ")).join("L")}Z`;
}

function line(from, to) {
  return `M${from.join(" ")}L${to.join(" ")}`;
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  return element;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
