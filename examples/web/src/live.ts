/** The camera, with the faces of its newest frames. */
import { failureOf } from "./failure";
import { Figure } from "./figure";
import { detect } from "./service";
import type { Settings } from "./service";

/** One call is worked on while the next is on its way; more would only add delay. */
const OPEN_CALLS = 2;
/** Wait this long after a call that failed, so that a busy server is left in peace. */
const PAUSE_MS = 1000;
const LONGEST_SIDE = 1280;

export class Live {
  private readonly video = document.createElement("video");
  private readonly figure = new Figure("Camera", this.video);
  private readonly canvas = document.createElement("canvas");
  private readonly rate = document.createElement("p");
  private stream: MediaStream | undefined;
  private open = 0;
  private sent = 0;
  private shown = 0;
  private dropped = 0;
  private answered: number[] = [];
  private pausedUntil = 0;

  constructor(
    section: HTMLElement,
    private readonly settings: Settings,
  ) {
    this.video.muted = true;
    this.video.playsInline = true;
    this.rate.className = "rate";
    section.append(this.figure.element);
    this.figure.element.append(this.rate);
  }

  get running(): boolean {
    return this.stream !== undefined;
  }

  /** Ask for the camera, and begin. Returns a sentence on why it cannot be used, or "". */
  async start(): Promise<string> {
    if (!window.isSecureContext) {
      return "Browsers give the camera only to pages from HTTPS or from this machine.";
    }
    const video = { width: { ideal: LONGEST_SIDE }, facingMode: { ideal: "user" } };
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
      return `The camera cannot be used: ${error instanceof Error ? error.message : error}.`;
    }
    this.video.srcObject = this.stream;
    await this.video.play();
    this.dropped = 0;
    this.next();
    return "";
  }

  /** Switch the camera off. */
  stop(): void {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = undefined;
    this.video.srcObject = null;
  }

  private next(): void {
    this.video.requestVideoFrameCallback(() => {
      if (!this.running) {
        return;
      }
      if (this.open < OPEN_CALLS && performance.now() >= this.pausedUntil) {
        void this.send();
      } else {
        this.dropped += 1;
      }
      this.next();
    });
  }

  private async send(): Promise<void> {
    this.open += 1;
    this.sent += 1;
    const frame = this.sent;
    try {
      const answer = await detect(await this.grab(), this.settings);
      this.show(frame, () => this.figure.show(answer));
      this.countAnswer();
    } catch (error) {
      this.pausedUntil = performance.now() + PAUSE_MS;
      this.show(frame, () => this.figure.fail(failureOf(error)));
    } finally {
      this.open -= 1;
    }
  }

  /** The newest frame as a JPEG file. */
  private async grab(): Promise<Blob> {
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, LONGEST_SIDE / Math.max(videoWidth, videoHeight));
    this.canvas.width = Math.round(videoWidth * scale);
    this.canvas.height = Math.round(videoHeight * scale);
    const context = this.canvas.getContext("2d");
    context?.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => {
      this.canvas.toBlob(resolve, "image/jpeg", 0.85);
    });
    if (!blob) {
      throw new Error("the browser could not encode a frame");
    }
    return blob;
  }

  /** The answers to two open calls may come in the wrong order: the older one is not shown. */
  private show(frame: number, draw: () => void): void {
    if (this.running && frame > this.shown) {
      this.shown = frame;
      draw();
    }
  }

  private countAnswer(): void {
    const now = performance.now();
    this.answered = [...this.answered.filter((time) => now - time < 1000), now];
    const rate = this.answered.length;
    this.rate.textContent = `${rate} frames answered in the last second, ${this.dropped} dropped in all`;
  }
}
