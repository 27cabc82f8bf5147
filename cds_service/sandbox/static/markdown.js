/** The Markdown of cards as elements: paragraphs, nested lists, strong, emphasis, code and links by http.
 *  Everything else is text. Source: GitHub Flavored Markdown 5.3, 6.2, 6.3, 6.4, 6.6. */

import { make, printable } from "./elements.js";

const INLINE = /\\([!-/:-@[-`{-~])|(`+)([^`]+)\2|\*\*((?:[^*\\]|\\.)+)\*\*|\*((?:[^*\\]|\\.)+)\*|\[((?:[^\]\\]|\\.)*)\]\((https?:\/\/[^\s()]+)\)|&(amp|lt|gt|quot|#\d{1,6});/g;
const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"' };

const inline = (text) => {
  const found = [];
  let last = 0;
  for (const one of text.matchAll(INLINE)) {
    found.push(text.slice(last, one.index));
    last = one.index + one[0].length;
    if (one[1]) found.push(one[1]);
    else if (one[3]) found.push(make("code", {}, one[3]));
    else if (one[4]) found.push(make("strong", {}, inline(one[4])));
    else if (one[5]) found.push(make("em", {}, inline(one[5])));
    else if (one[7]) found.push(make("a", { href: one[7], rel: "noreferrer" }, inline(one[6])));
    else found.push(NAMED[one[8]] ?? String.fromCodePoint(Number(one[8].slice(1))));
  }
  found.push(text.slice(last));
  return found;
};

/** Return the elements of a text. */
export const markdown = (text) => {
  const root = make("div", { class: "detail" });
  let lists = [];
  let paragraph = null;
  for (const line of printable(text).split("\n")) {
    const item = /^( *)[-*] (.*)$/.exec(line);
    if (item) {
      const depth = Math.floor(item[1].length / 2);
      lists = lists.slice(0, depth + 1);
      if (lists.length <= depth) {
        const list = make("ul");
        (lists.at(-1)?.lastElementChild ?? root).append(list);
        lists.push(list);
      }
      lists.at(-1).append(make("li", {}, inline(item[2])));
      paragraph = null;
    } else if (line.trim()) {
      if (!paragraph) root.append((paragraph = make("p")));
      else paragraph.append(make("br"));
      paragraph.append(...inline(line));
      lists = [];
    } else {
      paragraph = null;
      lists = [];
    }
  }
  return root;
};
