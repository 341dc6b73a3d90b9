// Drives Chromium for tests: reads one JSON array a line, the name of a function below and its
// arguments, and answers each with one line, {"value": ...} or {"error": ...}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../examples/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [executablePath, camera] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${camera}`,
  ],
});
const DETECT = "**/*.DetectService/Detect";
let page;
let complaints;
let held;

const functions = {
  /** Open a page in a window of its own; `options` are those of a browser context. */
  async open(url, options) {
    await page?.context().close();
    page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(60_000);
    [complaints, held] = [[], []];
    page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(url);
  },

  /** What the page wrote to the console as errors. */
  complaints: () => complaints,

  choose: (...paths) => page.locator("#files").setInputFiles(paths),

  async drop(...paths) {
    const files = paths.map((path) => [basename(path), readFileSync(path, "base64")]);
    await page.evaluate((dropped) => {
      const dataTransfer = new DataTransfer();
      for (const [name, content] of dropped) {
        const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
        dataTransfer.items.add(new File([bytes], name));
      }
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
    }, files);
  },

  fill: (selector, value) => page.locator(selector).fill(value),
  select: (selector, value) => page.locator(selector).selectOption(value),
  click: (selector) => page.locator(selector).click(),
  press: (key) => page.keyboard.press(key),
  count: (selector) => page.locator(selector).count(),
  texts: (selector) => page.locator(selector).allTextContents(),
  focused: () => page.evaluate(() => document.activeElement.id),

  /** Wait until a selector matches something that is seen. */
  wait: (selector) => page.locator(selector).first().waitFor(),

  /** Where elements are seen: left, top, right, bottom, as parts of the picture's size. */
  places: (picture, selector) =>
    page.evaluate(
      ([outer, inner]) => {
        const whole = document.querySelector(outer).getBoundingClientRect();
        return Array.from(document.querySelectorAll(inner), (element) => {
          const { left, top, right, bottom } = element.getBoundingClientRect();
          return [
            (left - whole.left) / whole.width,
            (top - whole.top) / whole.height,
            (right - whole.left) / whole.width,
            (bottom - whole.top) / whole.height,
          ];
        });
      },
      [picture, selector],
    ),

  /** Keep the calls of this page from the server, until they are released. */
  hold: () => page.route(DETECT, (route) => void held.push(route)),
  held: () => held.length,
  async release(index) {
    const [route] = held.splice(index, 1);
    const answered = page.waitForResponse((response) => response.request() === route.request());
    await route.continue();
    await (await answered).finished();
  },

  /** Cut off the next call of this page, and no other. */
  cut_off: () => page.route(DETECT, (route) => route.abort(), { times: 1 }),

  /** Answer the next call of this page with these headers alone, and no other. */
  refuse(headers) {
    const answer = { headers: { ...headers, "content-type": "application/grpc-web+proto" } };
    return page.route(DETECT, (route) => route.fulfill(answer), { times: 1 });
  },

  /** Wait until this many more frames of the camera were shown. */
  frames: (count) =>
    page.evaluate(async (left) => {
      const video = document.querySelector("video");
      for (; left > 0; left -= 1) {
        await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
      }
    }, count),

  /** The rules of accessibility that the page breaks, as axe finds them. */
  async violations() {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  },

  screenshot: (path) => page.screenshot({ path, fullPage: true, quality: 80 }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...parameters] = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await functions[name](...parameters)) ?? null };
  } catch (error) {
    answer = { error: `${error}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
