/** Hook requests made of the chart, sent to the service, and what came of them. */

import { tokenFor } from "./signing.js";

const origin = location.origin;
const SERVICE = "necessity-order-sign";
const BEHAVIOURS = { "": "fhir", refuses: "fhir-refuses", slow: "fhir-slow" };

const json = async (response) => {
  const text = await response.text();
  try { return JSON.parse(text); } catch { return text; }
};

export const read = async (path) => json(await fetch(path));

export const addressOf = (role) => `${origin}/${role}/cds-services/${SERVICE}`;

const offers = read("/cds-services");

/** Return the answers of the chart's server to the queries that discovery asks for. */
export const prefetched = async (patient) => {
  const offer = (await offers).services.find((one) => one.id === SERVICE);
  const queries = { ...offer.prefetch, coverage: "Coverage?patient={{context.patientId}}" };
  const answers = await Promise.all(
    Object.entries(queries).map(async ([key, query]) => {
      const response = await fetch(`/fhir/${query.replaceAll("{{context.patientId}}", encodeURIComponent(patient))}`);
      return [key, response.ok ? await response.json() : null];
    }),
  );
  return Object.fromEntries(answers);
};

/** Return the hook request that signs `orders`. */
export const requestFor = async ({ patient, orders, behaviour, prefetch }) => ({
  hook: "order-sign",
  hookInstance: crypto.randomUUID(),
  fhirServer: `${origin}/${BEHAVIOURS[behaviour]}`,
  context: {
    userId: "Practitioner/surgeon",
    patientId: patient,
    draftOrders: { resourceType: "Bundle", type: "collection", entry: orders.map((resource) => ({ resource })) },
  },
  ...(prefetch ? { prefetch: await prefetched(patient) } : {}),
});

/** Return what a call gave: `status`, `body`, `milliseconds` and the token. */
export const call = async (url, body, kind) => {
  const token = await tokenFor(url, kind);
  const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token.text}` } : {}) };
  const begun = performance.now();
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await json(response);
  const milliseconds = Math.round((performance.now() - begun) * 10) / 10;
  return { url, status: response.status, body: answer, milliseconds, token };
};

/** Return what the service found of the token of a call. */
export const verdictOn = async ({ token }) => {
  if (!token) return "refused: no-token";
  return (await read(`/sandbox/verdicts/${token.claims.jti}`))?.verdict ?? "not looked at";
};

/** Return what the sandbox saw of the exchange of a hook request, null if it saw none. */
export const seen = (request) => read(`/sandbox/exchanges/${request.hookInstance}`);

/** Tell the service what became of a card. */
export const feedback = (role, kind, entry) => {
  const told = { outcomeTimestamp: new Date().toISOString(), ...entry };
  return call(`${addressOf(role)}/feedback`, { feedback: [told] }, kind);
};

/** Return the report and the cards of a request under a policy whose criterion is written otherwise. */
export const tryPolicy = async (change, request) => {
  const body = JSON.stringify({ ...change, service: SERVICE, request });
  const response = await fetch("/sandbox/trial", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  return { ok: response.ok, body: await json(response) };
};

/** Put a resource into the chart. */
export const put = async (resource) => {
  const { resourceType, id } = resource;
  const headers = { "Content-Type": "application/fhir+json" };
  const body = JSON.stringify(resource);
  const response = await fetch(`/fhir/${resourceType}/${encodeURIComponent(id)}`, { method: "PUT", headers, body });
  return response.ok;
};
