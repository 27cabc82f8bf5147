/** Elements made of names, attributes and text: never of markup, so that no text of a chart comes to life. */

export const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((one) => one != null));
  return element;
};

export const show = (place, ...children) => place.replaceChildren(...children.flat(Infinity).filter((one) => one != null));

export const byId = (name) => document.getElementById(name);

/** Characters that change the direction of text, or cannot be seen, become blanks. */
export const printable = (text) => String(text).replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gu, " ");

export const pretty = (value) => printable(JSON.stringify(value, null, 2));
