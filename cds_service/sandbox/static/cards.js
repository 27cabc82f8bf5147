/** Cards as an EHR shows them: read, act on, or dismiss with a reason. */

import { make } from "./elements.js";
import { markdown } from "./markdown.js";

const told = (place, text) => { place.textContent = text; };

const LONG = 900;

/** Return the detail of a card; of a long one the first lines, and a button for the rest. */
const detailOf = (text) => {
  const detail = markdown(text);
  if (text.length < LONG) return detail;
  detail.classList.add("folded");
  const all = make("button", { type: "button", class: "link", "aria-expanded": "false", onclick: () => {
    const folded = detail.classList.toggle("folded");
    all.textContent = folded ? "Show all" : "Show less";
    all.setAttribute("aria-expanded", String(!folded));
  } }, "Show all");
  return [detail, all];
};

const links = (card) =>
  (card.links ?? []).filter((one) => /^https?:/.test(one.url)).map((one) =>
    make("a", { href: one.url, rel: "noreferrer", target: "_blank" }, one.label));

const said = (card) => [make("h3", {}, card.summary),
  make("p", { class: "dim" }, `${card.source?.label ?? ""} · ${card.indicator}`), card.detail ? detailOf(card.detail) : null];

/** Return cards to be read only. */
export const previews = (cards) =>
  cards.map((card) => make("article", { class: `card ${card.indicator}` }, said(card)));

/** Return a card. `accept(suggestion)` and `dismiss(reason)` are asked to act; each returns what to tell the reader. */
const cardOf = (card, { accept, dismiss }) => {
  const state = make("p", { role: "status", class: "outcome" });
  const buttons = (card.suggestions ?? []).map((one) =>
    make("button", { type: "button", class: "accept", onclick: async () => close(await accept(one)) }, one.label));
  const reasons = make("select", { "aria-label": "Reason" }, (card.overrideReasons ?? []).map((one, i) =>
    make("option", { value: i }, one.display ?? one.code)));
  const dismissal = make("button", { type: "button", class: "dismiss", onclick: async () => {
    close(await dismiss(card.overrideReasons?.[Number(reasons.value)]));
  } }, "Dismiss");
  const close = (text) => {
    told(state, text);
    for (const one of [...buttons, dismissal, reasons]) one.disabled = true;
  };
  return make("article", { class: `card ${card.indicator}`, "data-uuid": card.uuid },
    said(card),
    make("p", { class: "row" }, links(card)),
    buttons.length ? make("p", { class: "row" }, buttons) : null,
    card.uuid ? make("p", { class: "row" }, card.overrideReasons?.length ? reasons : null, dismissal) : null,
    state);
};

export const cardsOf = (cards, actions) => cards.map((one) => cardOf(one, actions(one)));
