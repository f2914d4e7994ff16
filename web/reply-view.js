import { LarderError } from "./larder/entry-web.js";

/** Most elements of one aggregate that are shown. */
const MAX_SHOWN = 1000;

const INDENT = "   ";

/** A reply as pieces of text with their classes, for a `pre`. */
export function* replyLines(reply, indent = "") {
  if (reply === null) yield ["nothing", "(nil)"];
  else if (reply instanceof LarderError) yield ["error", `(error) ${reply.message}`];
  else if (typeof reply === "string") yield textPiece(reply, indent);
  else if (typeof reply === "number" || typeof reply === "bigint") yield ["number", `(number) ${reply}`];
  else if (typeof reply === "boolean") yield ["number", `(${reply})`];
  else if (reply instanceof Map) yield* pairs(reply, indent);
  else yield* elements([...reply], indent);
}

/** Statuses and INFO read best as they are; values are quoted so that blanks show. */
function textPiece(text, indent) {
  if (indent === "" && (text === "OK" || text === "PONG" || text === "QUEUED")) return ["", text];
  if (indent === "" && text.includes("\n")) return ["", text.trimEnd()];
  return ["string", JSON.stringify(text)];
}

function* elements(list, indent) {
  if (list.length === 0) yield ["nothing", "(empty)"];
  const width = String(list.length).length;
  for (const [i, value] of list.slice(0, MAX_SHOWN).entries()) {
    if (i > 0) yield ["", `\n${indent}`];
    yield ["index", `${String(i + 1).padStart(width)}) `];
    yield* replyLines(value, indent + INDENT + " ".repeat(width - 1));
  }
  yield* remainder(list.length, indent);
}

function* pairs(map, indent) {
  if (map.size === 0) yield ["nothing", "(empty)"];
  let shown = 0;
  for (const [key, value] of map) {
    if (shown === MAX_SHOWN) break;
    if (shown++ > 0) yield ["", `\n${indent}`];
    yield ["string", String(key)];
    yield ["index", " → "];
    yield* replyLines(value, indent + INDENT);
  }
  yield* remainder(map.size, indent);
}

function* remainder(length, indent) {
  if (length > MAX_SHOWN) yield ["nothing", `\n${indent}… ${length - MAX_SHOWN} more`];
}
