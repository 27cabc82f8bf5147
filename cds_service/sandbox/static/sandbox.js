/** The small EHR: orders put together, signed, answered, and answered back. */

import { cardsOf } from "./cards.js";
import { difference } from "./difference.js";
import { byId, make, show } from "./elements.js";
import { addressOf, call, feedback, read, requestFor, seen, verdictOn } from "./exchange.js";
import { developer, openResource } from "./panel.js";
import { tokenFor } from "./signing.js";

const given = JSON.parse(byId("state").textContent);
const asked = new URLSearchParams(location.search);
const memory = `sandbox/${given.patient}`;
const kept = JSON.parse(sessionStorage.getItem(memory) ?? "null");

const template = (code) => ({
  ...(given.drafts.find((one) => one.resourceType === "ServiceRequest" && one.code?.coding) ?? {
    resourceType: "ServiceRequest", status: "draft", intent: "order",
    subject: { reference: `Patient/${given.patient}` }, authoredOn: new Date().toISOString().slice(0, 10),
  }),
  id: `order-${code}`,
  code: { coding: [{ system: "http://www.ama-assn.org/go/cpt", code }] },
});
const codeOf = (order) => order.code?.coding?.[0]?.code ?? (typeof order.code === "string" ? order.code : "no code");
const draft = (code) => given.drafts.find((one) => codeOf(one) === code) ?? template(code);

let orders = (asked.get("codes")?.split(",").filter(Boolean) ?? given.codes).map(draft);
let last = null;

const choice = (name, first) => {
  const select = byId(name);
  select.value = asked.get(name) ?? first;
  if (select.selectedIndex < 0) select.value = first;
  select.addEventListener("change", remember);
  return select;
};

const remember = () => {
  const state = new URLSearchParams({
    patient: given.patient, codes: orders.map(codeOf).join(","),
    role: role.value, token: token.value, prefetch: prefetch.value,
  });
  history.replaceState(null, "", `/?${state}`);
  if (!last) return;
  try {
    sessionStorage.setItem(memory, JSON.stringify({ orders, last }));
  } catch {
    sessionStorage.removeItem(memory); // too much to remember: a reload begins anew
  }
};

const drawOrders = () => show(byId("orders"), orders.map((order, i) => make("li", {},
  make("span", {}, make("code", {}, codeOf(order)), ` ${order.code?.text ?? given.names[codeOf(order)] ?? ""}`),
  make("button", { type: "button", "aria-label": `Remove ${codeOf(order)}`, onclick: () => {
    orders.splice(i, 1);
    changed();
  } }, "Remove"))));

const changed = () => {
  drawOrders();
  remember();
};

/** Do to the orders what an action of the service says. */
const act = (action) => {
  const [kind, name] = (action.resourceId ?? "").split("/");
  const id = action.resource?.id ?? name;
  const type = action.resource?.resourceType ?? kind;
  const others = orders.filter((one) => !(one.resourceType === type && one.id === id));
  const before = orders.find((one) => one.resourceType === type && one.id === id) ?? null;
  if (action.type === "delete") orders = others;
  else if (action.type === "create") orders = [...orders, { id: `order-${crypto.randomUUID()}`, ...action.resource }];
  else orders = orders.map((one) => (one === before ? action.resource : one));
  return difference(before, action.type === "delete" ? null : action.resource);
};

const stored = (answer, words) => (answer.status < 300 ? `${words} The service was told.` : `${words} The service was not told: ${answer.status}.`);

const actions = (card) => ({
  accept: async (suggestion) => {
    const changes = (suggestion.actions ?? []).map(act);
    changed();
    byId("answer").append(make("section", { class: "panel applied" }, make("h3", {}, "Changed in the order"), changes));
    const entry = { card: card.uuid, outcome: "accepted", acceptedSuggestions: [{ id: suggestion.uuid }] };
    return stored(await feedback(role.value, token.value, entry), "Accepted.");
  },
  dismiss: async (reason) => {
    const why = reason ? { overrideReason: { reason: { code: reason.code, system: reason.system } } } : {};
    return stored(await feedback(role.value, token.value, { card: card.uuid, outcome: "overridden", ...why }), "Dismissed.");
  },
});

const refusal = (answer) => {
  const issues = answer.body?.issue?.map((one) => one.details?.text) ?? ["nothing that can be read"];
  return make("article", { class: "card critical refused" },
    make("h3", {}, `The service refused: ${answer.status}`), make("p", {}, issues.join("; ")),
    make("p", {}, "Nothing was decided. This is no clearance."));
};

const none = () => make("article", { class: "card none" }, make("h3", {}, "No card"),
  make("p", {}, "No policy covers what is ordered. That says nothing about its necessity."));

const drawCards = (answer) => {
  const system = answer.body?.systemActions ?? [];
  const applied = system.length ? make("section", { class: "panel applied" },
    make("h3", {}, "Written into the order by the service"), system.map(act)) : null;
  const cards = answer.status >= 300 ? [refusal(answer)] : cardsOf(answer.body.cards, actions);
  show(byId("answer"), cards.length ? cards : [none()], applied);
};

const newToken = (url) => tokenFor(url, token.value);

const drawPanel = (before) => developer({ ...last, before, resign: sign, replay, newToken });

const sign = async () => {
  const begun = performance.now();
  const button = byId("sign");
  button.disabled = true;
  byId("progress").textContent = "Signing …";
  const before = last?.exchange?.report ?? null;
  try {
    const request = await requestFor({
      patient: given.patient, orders, behaviour: given.behaviour, prefetch: prefetch.value === "yes",
    });
    const answer = await call(addressOf(role.value), request, token.value);
    drawCards(answer);
    const taken = Math.round(performance.now() - begun);
    const [verdict, exchange] = await Promise.all([verdictOn(answer), answer.status < 300 ? seen(request) : null]);
    last = { answer: { ...answer, verdict }, exchange, request };
    drawPanel(before);
    changed();
    byId("progress").textContent = `Answered in ${taken} ms`;
  } catch (error) {
    show(byId("answer"), refusal({ status: "no answer", body: { issue: [{ details: { text: String(error) } }] } }));
    byId("progress").textContent = "";
  } finally {
    button.disabled = false;
  }
};

const replay = (request) => call(addressOf(role.value), request, token.value);

const role = choice("role", given.role);
const token = choice("token", "good");
const prefetch = choice("prefetch", given.prefetch ? "yes" : "no");

byId("picker").open = matchMedia("(min-width: 64rem)").matches;
const here = document.querySelector(".patients [aria-current]");
if (here) here.closest("ul").scrollTop = here.offsetTop - here.closest("ul").offsetTop;
byId("sign").addEventListener("click", sign);
byId("add").addEventListener("submit", (event) => {
  event.preventDefault();
  orders = [...orders, draft(byId("code").value.trim())];
  byId("code").value = "";
  changed();
});
byId("reset").addEventListener("click", async () => {
  await fetch("/sandbox/reset", { method: "POST" });
  sessionStorage.clear();
  location.assign(`/?patient=${encodeURIComponent(given.patient)}`);
});
byId("bundle").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  const headers = { "Content-Type": "application/fhir+json" };
  const response = await fetch("/fhir", { method: "POST", headers, body: file });
  const body = await response.json();
  const patient = body.entry?.map((one) => one.response.location).find((one) => one.startsWith("Patient/"));
  if (response.ok && patient) location.assign(`/?patient=${encodeURIComponent(patient.slice("Patient/".length))}`);
  else byId("dropped").textContent = response.ok ? "There is no Patient in it." : "This is no FHIR Bundle.";
});
for (const one of document.querySelectorAll("[data-resource]")) {
  one.addEventListener("click", async () => openResource(await read(`/fhir/${one.dataset.resource}`), "", sign));
}

if (kept && asked.get("codes") === kept.orders.map(codeOf).join(",")) {
  ({ orders, last } = kept);
  drawCards(last.answer);
  drawPanel(null);
}
changed();
document.body.dataset.ready = "true";
