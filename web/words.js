/** Two hexadecimal digits behind `\x`. */
const HEX = /^[0-9a-fA-F]{2}$/;

const ESCAPES = { n: 10, r: 13, t: 9, a: 7, b: 8 };

/**
 * Splits a line into the words of a command, as redis-cli does: "double quotes" know escapes, 'single quotes' only \'.
 * A word with `\x` escapes is bytes, any other is text. Throws on quotes that are not closed.
 */
export function splitWords(line) {
  const words = [];
  let at = 0;
  while (at < line.length) {
    if (/\s/.test(line[at])) {
      at++;
      continue;
    }
    const word = readWord(line, at);
    words.push(word.value);
    at = word.end;
  }
  return words;
}

function readWord(line, start) {
  const quote = line[start];
  if (quote === '"' || quote === "'") return readQuoted(line, start + 1, quote);
  const length = line.slice(start).search(/\s/);
  const end = length < 0 ? line.length : start + length;
  return { value: line.slice(start, end), end };
}

function readQuoted(line, start, quote) {
  const parts = [];
  let binary = false;
  for (let at = start; at < line.length; at++) {
    const sign = line[at];
    if (sign === quote) {
      const end = at + 1;
      if (end < line.length && !/\s/.test(line[end])) throw new SyntaxError("a blank is missing after a closing quote");
      return { value: binary ? toBytes(parts) : toText(parts), end };
    }
    if (sign !== "\\" || at + 1 === line.length) {
      parts.push(sign);
      continue;
    }
    const next = line[++at];
    if (quote === "'") parts.push(next === "'" ? next : `\\${next}`);
    else if (next === "x" && HEX.test(line.slice(at + 1, at + 3))) {
      parts.push(Number.parseInt(line.slice(at + 1, at + 3), 16));
      binary = true;
      at += 2;
    } else parts.push(Object.hasOwn(ESCAPES, next) ? String.fromCharCode(ESCAPES[next]) : next);
  }
  throw new SyntaxError("a quote is not closed");
}

function toText(parts) {
  return parts.join("");
}

function toBytes(parts) {
  const encoder = new TextEncoder();
  return Uint8Array.from(joinText(parts).flatMap((part) => (typeof part === "number" ? [part] : [...encoder.encode(part)])));
}

/** Text in one piece, so that the halves of a surrogate pair stay together. */
function joinText(parts) {
  const joined = [];
  for (const part of parts) {
    if (typeof part === "string" && typeof joined.at(-1) === "string") joined[joined.length - 1] += part;
    else joined.push(part);
  }
  return joined;
}
