/** Evidence leads to its element in the chart; Escape and Close lead back to where it was read. */

const CLOSED = "#closed";
let from = null;

const back = () => {
  if (from?.isConnected) from.focus({ preventScroll: true });
};

addEventListener("click", ({ target }) => {
  from = target.closest("a.evidence-link") ?? from;
});
addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && document.querySelector(".json :target")) location.hash = CLOSED;
});
addEventListener("hashchange", () => {
  if (location.hash === CLOSED) back();
});

const folded = () => document.querySelectorAll("details.folded:not([open])");
addEventListener("beforeprint", () => {
  for (const one of folded()) one.open = true;
});
