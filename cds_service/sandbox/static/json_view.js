/** JSON as text with a place for every element, one of which can be marked. */

import { make, printable } from "./elements.js";

const literal = (value) => printable(JSON.stringify(value));

/** Yield spans and text; every member carries its path, such as `code.coding[0]`. */
const written = (value, path, indent) => {
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (!value.length) return ["[]"];
    return ["[", ...value.flatMap((one, i) => [
      `${i ? "," : ""}\n${deeper}`, make("span", { "data-path": `${path}[${i}]` }, written(one, `${path}[${i}]`, deeper)),
    ]), `\n${indent}]`];
  }
  if (value && typeof value === "object") {
    const entries = Object.entries(value);
    if (!entries.length) return ["{}"];
    return ["{", ...entries.flatMap(([name, one], i) => {
      const place = path ? `${path}.${name}` : name;
      const member = make("span", { "data-path": place }, `${literal(name)}: `, written(one, place, deeper));
      return [`${i ? "," : ""}\n${deeper}`, member];
    }), `\n${indent}}`];
  }
  return [literal(value)];
};

/** Return the element of the JSON that a path of FHIRPath names: `value` stands for `valueString` and its like. */
const find = (root, path) => {
  let at = path;
  while (at) {
    const exact = root.querySelector(`[data-path="${CSS.escape(at)}"]`);
    if (exact) return exact;
    const choice = [...root.querySelectorAll("[data-path]")].find((one) => {
      const place = one.dataset.path;
      return place.startsWith(at) && /^[A-Z]\w*$/.test(place.slice(at.length));
    });
    if (choice) return choice;
    at = /[.[]/.test(at) ? at.replace(/(\.[^.[]*|\[\d+\])$/, "") : "";
  }
  return null;
};

/** Have the JSON scroll, and the page stay, so that the marked element is seen. */
export const reveal = (mark) => {
  const view = mark?.closest("pre");
  if (view) view.scrollTop += mark.getBoundingClientRect().top - view.getBoundingClientRect().top - view.clientHeight / 3;
};

/** Return a resource as text, with the element at `path` marked. */
export const jsonView = (resource, path = "") => {
  const root = make("pre", { class: "json", tabindex: "0", "aria-label": "JSON" }, written(resource, "", ""));
  const marked = path && find(root, path);
  if (marked) {
    const mark = make("mark", {}, ...marked.childNodes);
    marked.append(mark);
  }
  return root;
};
