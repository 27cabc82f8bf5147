/** The page's own key: made here, its public half published, its private half never leaves the browser.
 *  Source: CDS Hooks 2.0.1, Trusting CDS Clients; RFC 7515; RFC 7518 section 3.4. */

const CURVE = { name: "ECDSA", namedCurve: "P-384" };
const origin = location.origin;
const jku = `${origin}/.well-known/jwks.json`;

const base64 = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const encoded = (value) => base64(new TextEncoder().encode(JSON.stringify(value)));

const published = (async () => {
  const pair = await crypto.subtle.generateKey(CURVE, false, ["sign"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const kid = crypto.randomUUID();
  const body = JSON.stringify({ kty, crv, x, y, kid, alg: "ES384", use: "sig" });
  await fetch("/sandbox/keys", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  return { key: pair.privateKey, kid };
})();

/** Return the token for a call of `url`, with its header and claims; null for `none`. */
export const tokenFor = async (url, kind) => {
  if (kind === "none") return null;
  const { key, kid } = await published;
  const now = Math.floor(Date.now() / 1000) - (kind === "expired" ? 3600 : 0);
  const header = { alg: "ES384", typ: "JWT", kid, jku };
  const aud = kind === "audience" ? "https://another-service.example/cds-services" : url;
  const claims = { iss: origin, aud, iat: now, exp: now + 300, jti: crypto.randomUUID() };
  const signed = `${encoded(header)}.${encoded(claims)}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-384" }, key, new TextEncoder().encode(signed));
  return { text: `${signed}.${base64(signature)}`, header, claims };
};
