// What every part of the page is built with. Text from files is only ever text.

export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function row(kind, texts) {
  return make("tr", {}, ...texts.map((text) => make(kind, kind === "th" ? { scope: "col" } : {}, text)));
}

export function percent(share) {
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

export function banner(strong, text) {
  return make("p", { class: "banner" }, make("strong", {}, strong), text);
}

// Something wide, in a box that scrolls sideways by itself and shows that it does.
export function wide(label, content, kind = "wide") {
  const inner = make("div", { class: kind, tabindex: 0, role: "region", "aria-label": label }, content);
  const hint = make("p", { class: "hint", "aria-hidden": "true" }, "↔ scroll sideways for the rest");
  const box = make("div", { class: "scroller" }, hint, make("div", { class: "edges" }, inner));
  const look = () => {
    const rest = inner.scrollWidth - inner.clientWidth;
    box.classList.toggle("overflows", rest > 2);
    box.classList.toggle("more-right", inner.scrollLeft < rest - 2);
    box.classList.toggle("more-left", rest > 2 && inner.scrollLeft > 2);
  };
  inner.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(inner);
  return { box, inner, look };
}

export function figure(alt, waiting) {
  const { box, inner, look } = wide(alt, make("p", { class: "soft" }, waiting), "figure");
  return {
    box,
    show: (source) => {
      const image = make("img", { src: source, alt });
      image.addEventListener("load", look);
      inner.replaceChildren(image);
    },
    fail: (reason) => inner.replaceChildren(make("p", { class: "outside" }, reason)),
  };
}

export function saver(text, name, type, content) {
  const button = make("button", { type: "button", class: "plain" }, text);
  button.addEventListener("click", () => download(name, new Blob([content()], { type })));
  return make("p", {}, button);
}

export function download(name, blob) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
