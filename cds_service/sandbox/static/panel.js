/** What happened, for the developer: the criteria with their evidence, the chart's way in, the token, the messages. */

import { previews } from "./cards.js";
import { flips } from "./difference.js";
import { byId, make, pretty, show } from "./elements.js";
import { prefetched, put, read, tryPolicy } from "./exchange.js";
import { jsonView, reveal } from "./json_view.js";

const save = (name, value) => {
  const address = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
};

const button = (label, act) => make("button", { type: "button", onclick: act }, label);
const folded = (title, ...children) => make("details", {}, make("summary", {}, title), children);
const facts = (pairs) => make("dl", {}, pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
/** What stands against an order where it is true, and what decides nothing, is coloured otherwise than it reads. */
const TONES = { exclusion: { true: "false", false: "true" }, "code-conflict": { true: "false", false: "true", unknown: "note" },
  caution: { true: "unknown", false: "note", unknown: "note" }, condition: { true: "unknown", false: "note", unknown: "note" },
  supporting: { true: "note", false: "note", unknown: "note" } };
const state = (name, role) => make("span", { class: `tag is-${TONES[role]?.[name] ?? name}` }, name);

const close = (opener) => {
  byId("viewer").hidden = true;
  if (opener?.isConnected) opener.focus();
};

/** Show a resource with an element marked; it may be changed, and the order signed again. */
export const openResource = (resource, path, resign) => {
  const [viewer, opener] = [byId("viewer"), document.activeElement];
  viewer.hidden = false;
  viewer.onkeydown = ({ key }) => key === "Escape" && close(opener);
  byId("viewer-close").onclick = () => close(opener);
  byId("viewer-title").textContent = `${resource.resourceType}/${resource.id}`;
  const text = make("textarea", { rows: "18", "aria-label": "The resource as JSON", spellcheck: "false" });
  text.value = JSON.stringify(resource, null, 2);
  const problem = make("p", { role: "status" });
  const replace = async () => {
    try {
      const good = await put({ ...JSON.parse(text.value), id: resource.id, resourceType: resource.resourceType });
      problem.textContent = good ? "" : "The FHIR server refused it.";
      if (good) await resign();
    } catch (error) {
      problem.textContent = error instanceof SyntaxError ? "This is not JSON." : "The FHIR server does not answer.";
    }
  };
  show(byId("resource"),
    path ? make("p", { class: "dim" }, "Marked: ", make("code", {}, path)) : null,
    jsonView(resource, path),
    folded("Change it", text, problem, button("Put into the chart and sign again", replace)));
  viewer.focus({ preventScroll: true });
  reveal(viewer.querySelector("mark"));
};

/** Return the resource that a path of evidence begins with: an order that was signed, or one of the chart. */
const resourceAt = async (path, request) => {
  const [label] = path.split(/\.(.*)/s);
  const drafts = request.context.draftOrders.entry.map((one) => one.resource);
  const draft = drafts.find((one) => `${one.resourceType}/${one.id}` === label);
  return draft ?? (await read(`/fhir/${label}`));
};

const evidence = (one, { request, resign }) => make("span", { class: "evidence" },
  make("button", { type: "button", class: "link", "data-path": one.path, onclick: async () => {
    const [, path = ""] = one.path.split(/\.(.*)/s);
    openResource(await resourceAt(one.path, request), path, resign);
  } }, one.path),
  ` ${[one.value, one.date, one.status].filter(Boolean).join(", ")}`);

const editor = (criterion, determination, happened) => {
  const fields = ["support", "refute"].filter((name) => criterion[name] != null).map((name) => {
    const text = make("textarea", { rows: "4", "aria-label": `${name} of ${criterion.id}`, "data-name": name, spellcheck: "false" });
    text.value = criterion[name];
    return text;
  });
  const result = make("div", { role: "status", class: "trial" });
  const attempt = async () => {
    const change = Object.fromEntries(fields.map((one) => [one.dataset.name, one.value]));
    const policy = `${determination.policy.canonical}|${determination.policy.version}`;
    const { request, exchange } = happened;
    const whole = request.prefetch ? request : { ...request, prefetch: await prefetched(request.context.patientId) };
    const { ok, body } = await tryPolicy({ policy, criterion: criterion.id, ...change }, whole);
    show(result, ok
      ? [flips(exchange.report, body.report), make("h4", {}, "The cards it would give"), previews(body.cards)]
      : make("p", {}, body.issue?.[0]?.details?.text ?? "refused"));
  };
  return make("div", { class: "editor", hidden: true }, fields, button("Try it otherwise", attempt), result);
};

/** Return a button that shows and hides what is given. */
const toggle = (label, shown) => {
  const act = () => {
    shown.hidden = !shown.hidden;
    made.setAttribute("aria-expanded", String(!shown.hidden));
  };
  const made = make("button", { type: "button", class: "link quiet", "aria-expanded": "false", onclick: act }, label);
  return made;
};

const branch = (criterion, determination, happened) => {
  const parts = determination.criteria.filter((one) => one.parent === criterion.id);
  const expressions = parts.length || criterion.support == null ? null : editor(criterion, determination, happened);
  return make("li", { "data-criterion": criterion.id },
    expressions ? toggle("Expressions", expressions) : null,
    state(criterion.state, criterion.role), ` ${criterion.title || criterion.id} `, make("code", {}, criterion.id),
    criterion.reason ? make("span", { class: "dim" }, ` ${criterion.reason}`) : null,
    criterion.missing ? make("p", { class: "dim" }, criterion.missing) : null,
    criterion.problem ? make("p", {}, criterion.problem) : null,
    parts.length ? null : criterion.evidence.map((one) => evidence(one, happened)),
    expressions,
    parts.length ? make("ul", {}, parts.map((one) => branch(one, determination, happened))) : null);
};

const NOTES = ["condition", "caution", "supporting"];
const decides = ({ role }) => !NOTES.includes(role);

const tree = (determination, happened) => {
  const first = determination.criteria.filter((one) => one.parent === null);
  const noted = first.filter((one) => !decides(one));
  const drawn = (one) => branch(one, determination, happened);
  return make("section", { "data-code": determination.order.code },
    make("h3", {}, determination.order.code, " ", state(determination.outcome),
      determination.kind ? ` (${determination.kind})` : "", ` ${determination.policy.title} ${determination.policy.version}`),
    make("ul", { class: "tree" }, first.filter(decides).map(drawn)),
    noted.length ? folded(`Conditions, cautions and notes (${noted.length})`, make("ul", { class: "tree" }, noted.map(drawn))) : null);
};

const chartUse = ({ prefetch, fetched, report }) => {
  const read = new Map(fetched.map((one) => [one.key, one]));
  const rows = prefetch.map(({ key, query, state: sent }) => {
    const one = read.get(key);
    return make("tr", {}, make("th", { scope: "row" }, key), make("td", {}, make("code", {}, query)),
      make("td", {}, sent), make("td", {}, one ? (one.why ? `not read: ${one.why}` : "read of the server") : ""));
  });
  const heads = ["Key", "Query", "In the request", "By the service"].map((one) => make("th", { scope: "col" }, one));
  const unread = report.unread.map((one) => make("li", {}, `${one.place}: ${one.why}`));
  return [make("table", {}, make("thead", {}, make("tr", {}, heads)), make("tbody", {}, rows)),
    unread.length ? [make("p", {}, "Not read:"), make("ul", { class: "unread" }, unread)] : null];
};

/** Return the call as a command for a shell, with the request on its input: it may be too long for an argument. */
const curl = (url, request, token) => [
  `curl -s -H 'content-type: application/json'`, token ? ` -H 'authorization: Bearer ${token.text}'` : "",
  ` --data-binary @- '${url}' <<'END'\n${JSON.stringify(request)}\nEND\n`,
].join("");

const messages = ({ answer, request, replay, newToken }) => {
  const text = make("textarea", { rows: "14", "aria-label": "The request as JSON", spellcheck: "false" });
  text.value = JSON.stringify(request, null, 2);
  const result = make("div", { role: "status" });
  const again = async () => {
    try {
      const found = await replay(JSON.parse(text.value));
      show(result, make("p", {}, `${found.status} in ${found.milliseconds} ms`), make("pre", { tabindex: "0" }, pretty(found.body)));
    } catch {
      show(result, make("p", {}, "This is not JSON."));
    }
  };
  const copy = async () => {
    const token = await newToken(answer.url);
    const command = curl(answer.url, request, token);
    const life = token ? " Its token is a new one, good for one call within five minutes." : "";
    try {
      await navigator.clipboard.writeText(command);
      show(result, make("p", {}, `Copied.${life}`));
    } catch {
      show(result, make("p", {}, `The browser does not let it be copied from here.${life}`), make("pre", { tabindex: "0" }, command));
    }
  };
  return [
    make("p", { class: "row" },
      button("Copy as curl", copy),
      button("Save as fixture", () => save(`${request.context.patientId}-order-sign.json`, request)),
      button("Replay", again)),
    folded("Request", text), result,
    folded("Response", make("pre", { tabindex: "0" }, pretty(answer.body))),
  ];
};

const authentication = ({ token, verdict }) => [
  make("p", { class: "verdict" }, verdict),
  token ? [make("h4", {}, "Header"), make("pre", { tabindex: "0" }, pretty(token.header)),
    make("h4", {}, "Claims"), make("pre", { tabindex: "0" }, pretty(token.claims))] : null,
];

/** Draw the panel of what happened. */
export const developer = (happened) => {
  const { answer, exchange, before } = happened;
  byId("developer").hidden = false;
  const report = exchange?.report;
  const times = [["whole call", `${answer.milliseconds} ms`], ["status", String(answer.status)],
    ...(exchange ? [["in the service", `${exchange.milliseconds} ms`]] : [])];
  const criteria = make("details", { open: true, class: "criteria" }, make("summary", {}, "Criteria"),
    report ? report.determinations.map((one) => tree(one, happened)) : make("p", {}, "Nothing was determined."));
  show(byId("details"), facts(times),
    before && report ? [make("h3", {}, "What comes out otherwise than before"), flips(before, report)] : null,
    criteria,
    exchange ? folded("The chart's way in", chartUse(exchange)) : null,
    folded(`Token: ${answer.verdict}`, authentication(answer)),
    folded("Messages", messages(happened)));
};
