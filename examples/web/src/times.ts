/** How long an answer took: a bar of the stages, and their times. */
import type { Answer } from "./service";

/** An empty element, for `showTimes`. */
export function createTimes(): HTMLElement {
  const element = document.createElement("div");
  element.className = "times";
  element.hidden = true;
  return element;
}

/** Show the round trip, the stages in the server, and what the network took. */
export function showTimes(element: HTMLElement, { response, roundTripMs }: Answer): void {
  const timing = response.timing;
  if (!timing) {
    return;
  }
  const stages: [string, number][] = [
    ["queue", timing.queueUs / 1000],
    ["decode", timing.decodeUs / 1000],
    ["inference", timing.inferenceUs / 1000],
    ["postprocess", timing.postprocessUs / 1000],
    ["network", Math.max(0, roundTripMs - timing.totalUs / 1000)],
  ];
  const summary = document.createElement("p");
  const server = milliseconds(timing.totalUs / 1000);
  const cached = response.cached ? ", from its cache" : "";
  summary.textContent = `Answer in ${milliseconds(roundTripMs)}, server ${server}${cached}`;
  const bar = document.createElement("div");
  bar.className = "bar";
  bar.ariaHidden = "true";
  const list = document.createElement("dl");
  for (const [name, time] of stages) {
    const part = document.createElement("span");
    part.className = name;
    part.style.flexGrow = `${time}`;
    bar.append(part);
    const [term, value] = [document.createElement("dt"), document.createElement("dd")];
    term.className = name;
    term.textContent = name;
    value.textContent = milliseconds(time);
    const pair = document.createElement("div");
    pair.append(term, value);
    list.append(pair);
  }
  element.replaceChildren(summary, bar, list);
  element.hidden = false;
}

function milliseconds(time: number): string {
  return `${time.toFixed(time < 10 ? 1 : 0)} ms`;
}
