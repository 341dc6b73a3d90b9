// Drives Chromium for tests: reads one JSON array a line, the name of a function below and its
// arguments, and answers each with one line, {"value": ...} or {"error": ...}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { createInterface } from "node:readline";

const example = new URL("../../examples/web/package.json", import.meta.url);
const { chromium } = createRequire(example)("playwright-core");
const [executablePath] = process.argv.slice(2);

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
  ],
});
let page;
let complaints;

const functions = {
  /** Open a page in a window of its own; `options` are those of a browser context. */
  async open(url, options) {
    await page?.context().close();
    page = await (await browser.newContext(options)).newPage();
    complaints = [];
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
  text: (selector) => page.locator(selector).innerText(),
  value: (selector) => page.locator(selector).inputValue(),
  attribute: (selector, name) => page.locator(selector).getAttribute(name),
  focused: () => page.evaluate(() => document.activeElement.id || document.activeElement.tagName),

  /** Wait until a selector matches something that is seen. */
  wait: (selector) => page.locator(selector).first().waitFor({ timeout: 60_000 }),

  /** The boxes as they are seen: left, top, right, bottom, as parts of the picture's size. */
  boxes: (picture) =>
    page.evaluate((selector) => {
      const whole = document.querySelector(selector).getBoundingClientRect();
      const drawn = document.querySelectorAll(".overlay .box");
      return Array.from(drawn, (element) => {
        const box = element.getBoundingClientRect();
        return [
          (box.left - whole.left) / whole.width,
          (box.top - whole.top) / whole.height,
          (box.right - whole.left) / whole.width,
          (box.bottom - whole.top) / whole.height,
        ];
      });
    }, picture),

  screenshot: (path) => page.screenshot({ path, fullPage: true }),
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
