import { Larder, LarderError } from "./larder/entry-web.js";
import { replyLines } from "./reply-view.js";
import { splitWords } from "./words.js";

/** Most entries of the log and of the history: a long session must not slow the page down. */
const MAX_ENTRIES = 500;

const EXAMPLES = [
  'SET greeting "hello, world" EX 60',
  "GET greeting",
  "TTL greeting",
  "INCRBY visits 5",
  "MSET a 1 b 2 c 3",
  "SCAN 0",
  "INFO server",
];

const $ = (id) => document.getElementById(id);
const [log, form, line, keys] = ["log", "form", "line", "keys"].map($);
const history = [];
let position = 0;

function element(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function showKeys(db) {
  const count = db.dbsize();
  keys.textContent = count === 1 ? "1 key" : `${count.toLocaleString("en")} keys`;
}

function run(db, text) {
  const entry = document.createElement("li");
  const command = element("div", "command", text);
  const output = document.createElement("pre");
  let reply;
  try {
    const words = splitWords(text);
    const begun = performance.now();
    reply = db.exec(words);
    command.prepend(element("span", "took", duration(performance.now() - begun)));
  } catch (error) {
    reply = error instanceof LarderError ? error : new LarderError("ERR", error.message);
  }
  for (const [className, part] of replyLines(reply)) output.append(element("span", className, part));
  entry.append(command, output);
  log.append(entry);
  if (log.childElementCount > MAX_ENTRIES) log.firstElementChild.remove();
  log.scrollTop = log.scrollHeight;
}

/** Clocks in browsers are coarse: small numbers would be noise. */
function duration(ms) {
  return ms < 0.1 ? "< 0.1 ms" : `${ms.toFixed(1)} ms`;
}

function remember(text) {
  if (history.at(-1) !== text) history.push(text);
  if (history.length > MAX_ENTRIES) history.shift();
  position = history.length;
}

function submit(db) {
  const text = line.value.trim();
  line.value = "";
  if (text === "") return;
  remember(text);
  run(db, text);
  showKeys(db);
}

function onKey(event) {
  if (event.key === "l" && event.ctrlKey) log.replaceChildren();
  else if (event.key === "ArrowUp" && position > 0) line.value = history[--position];
  else if (event.key === "ArrowDown" && position < history.length) line.value = history[++position] ?? "";
  else return;
  event.preventDefault();
}

async function start() {
  const db = await Larder.open();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(db);
  });
  line.addEventListener("keydown", onKey);
  for (const example of EXAMPLES) {
    const button = element("button", "", example);
    button.type = "button";
    button.addEventListener("click", () => {
      line.value = example;
      submit(db);
      line.focus();
    });
    const item = document.createElement("li");
    item.append(button);
    $("examples").append(item);
  }
  for (const part of form.elements) part.disabled = false;
  line.focus();
  // Keys expire while nobody types.
  setInterval(() => showKeys(db), 1000);
  showKeys(db);
}

start().catch((error) => {
  keys.textContent = "not started";
  log.append(element("li", "error", `The engine could not be started: ${error.message}`));
});
