/** The photos on the page, each with its newest answer. */
import { failureOf } from "./failure";
import { Figure } from "./figure";
import { detect } from "./service";
import type { Settings } from "./service";

/** How many calls may be open: enough to keep the server busy while photos are sent. */
const OPEN_CALLS = 2;

interface Photo {
  file: File;
  url: string;
  figure: Figure;
  /** Counts the calls, so that the answer to an older one is not shown. */
  asked: number;
}

export class Photos {
  private photos: Photo[] = [];
  private readonly waiting = new Set<Photo>();
  private open = 0;

  /** `say` is told what was found, in one line. */
  constructor(
    private readonly section: HTMLElement,
    private readonly settings: Settings,
    private readonly say: (line: string) => void,
  ) {}

  get count(): number {
    return this.photos.length;
  }

  /** Put photos on top of those that are there. */
  add(files: Iterable<File>): void {
    for (const file of files) {
      const url = URL.createObjectURL(file);
      const image = document.createElement("img");
      image.alt = file.name;
      image.src = url;
      const figure = new Figure(file.name, image, () => this.ask(photo));
      const photo: Photo = { file, url, figure, asked: 0 };
      // What is no picture to the browser may be one to the server: a TIFF file, for example.
      image.addEventListener("error", () => figure.withoutPicture());
      this.photos.push(photo);
      this.section.prepend(figure.element);
      this.ask(photo);
    }
  }

  /** Ask again for all photos, with the settings as they are now. */
  askAll(): void {
    this.photos.forEach((photo) => this.ask(photo));
  }

  clear(): void {
    this.photos.forEach(({ url }) => URL.revokeObjectURL(url));
    this.photos = [];
    this.waiting.clear();
    this.section.replaceChildren();
  }

  /** A photo that waits already is asked for once, with the newest settings. */
  private ask(photo: Photo): void {
    this.waiting.add(photo);
    void this.work();
  }

  private async work(): Promise<void> {
    if (this.open === OPEN_CALLS) {
      return;
    }
    this.open += 1;
    for (const photo of this.waiting) {
      this.waiting.delete(photo);
      await this.call(photo);
    }
    this.open -= 1;
  }

  private async call(photo: Photo): Promise<void> {
    photo.asked += 1;
    const call = photo.asked;
    const isNewest = () => photo.asked === call && this.photos.includes(photo);
    try {
      const answer = await detect(photo.file, this.settings);
      if (isNewest()) {
        this.say(photo.figure.show(answer));
      }
    } catch (error) {
      if (isNewest()) {
        const failure = failureOf(error);
        this.say(photo.figure.fail(failure));
        if (failure.retryMs !== undefined) {
          setTimeout(() => isNewest() && this.ask(photo), failure.retryMs);
        }
      }
    }
  }
}
