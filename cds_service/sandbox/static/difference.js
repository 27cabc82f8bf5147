/** What changed between two values, line by line of their JSON; and between two reports, in words. */

import { make, pretty } from "./elements.js";

const lines = (value) => (value == null ? [] : pretty(value).split("\n"));

/** Return the changed lines of `after` against `before`. Either may be null. */
export const difference = (before, after) => {
  const [old, now] = [lines(before), lines(after)];
  const [kept, held] = [new Set(now.map(plain)), new Set(old.map(plain))];
  const gone = old.filter((one) => !kept.has(plain(one))).map((one) => make("span", { class: "gone" }, `- ${one}`));
  const added = now.filter((one) => !held.has(plain(one))).map((one) => make("span", { class: "new" }, `+ ${one}`));
  return make("pre", { class: "diff", tabindex: "0", "aria-label": "Difference" }, gone, added);
};

const plain = (line) => line.trim().replace(/,$/, "");

const states = (report) => new Map(report.determinations.flatMap((one) => [
  [one.order.code, one.outcome],
  ...one.criteria.map((criterion) => [`${one.order.code} ${criterion.title || criterion.id}`, criterion.state]),
]));

/** Return what came out otherwise than before, as a list. */
export const flips = (before, after) => {
  const [old, now] = [states(before), states(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].filter((one) => old.get(one) !== now.get(one));
  if (!names.length) return make("p", { class: "flips" }, "Nothing comes out otherwise.");
  return make("ul", { class: "flips" }, names.map((one) =>
    make("li", {}, `${one}: ${old.get(one) ?? "not judged"} → ${now.get(one) ?? "not judged"}`)));
};
