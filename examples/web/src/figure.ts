/** A picture or video with its overlay, and below it what was found and how long it took. */
import type { Failure } from "./failure";
import { createOverlay, describe, draw, erase } from "./overlay";
import type { Answer } from "./service";
import { createTimes, showTimes } from "./times";

export class Figure {
  readonly element = document.createElement("figure");
  private readonly frame = document.createElement("div");
  private readonly overlay = createOverlay();
  private readonly found = document.createElement("p");
  private readonly failed = document.createElement("div");
  private readonly times = createTimes();
  private missing = false;
  private answer: Answer | undefined;

  /** `name` heads the caption; `retry` is called when a person asks to try again. */
  constructor(
    readonly name: string,
    picture: HTMLElement,
    private readonly retry?: () => void,
  ) {
    this.frame.className = "frame";
    this.frame.append(picture, this.overlay);
    const title = document.createElement("h2");
    title.textContent = name;
    this.found.textContent = "Waiting for the answer …";
    const caption = document.createElement("figcaption");
    caption.append(title, this.found, this.failed, this.times);
    this.element.append(this.frame, caption);
  }

  /** Show an answer. Returns a summary. */
  show(answer: Answer): string {
    this.answer = answer;
    const { response } = answer;
    draw(this.overlay, response);
    this.frame.style.aspectRatio = `${response.imageWidth} / ${response.imageHeight}`;
    this.frame.hidden = false;
    const facts = [describe(response), `${response.imageWidth} × ${response.imageHeight} pixels`];
    if (this.missing) {
      facts.push("this browser cannot show the picture");
    }
    this.found.textContent = facts.join(" · ");
    this.failed.replaceChildren();
    showTimes(this.times, answer);
    return `${this.name}: ${describe(response)}`;
  }

  /** Show why a call failed. Returns a summary. */
  fail(failure: Failure): string {
    this.answer = undefined;
    erase(this.overlay);
    this.frame.hidden = this.missing;
    this.found.textContent = "";
    this.times.hidden = true;
    this.failed.replaceChildren(...failureLines(failure));
    if (failure.temporary && this.retry) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Try again";
      button.addEventListener("click", this.retry);
      this.failed.append(button);
    }
    return `${this.name}: ${failure.sentence}`;
  }

  /** Do without the picture: the browser cannot show it, whether or not the server can read it. */
  withoutPicture(): void {
    this.missing = true;
    this.frame.classList.add("missing");
    if (this.answer) {
      this.show(this.answer);
    } else {
      this.frame.hidden = true;
    }
  }
}

/** The elements that show a failure. */
export function failureLines({ sentence, cause }: Failure): HTMLElement[] {
  const line = document.createElement("p");
  line.className = "failure";
  line.textContent = sentence;
  const code = document.createElement("code");
  code.textContent = cause;
  return cause ? [line, code] : [line];
}
