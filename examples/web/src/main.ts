/** Joins the controls of the page to the photos and to the camera. */
import { failureOf } from "./failure";
import type { Failure } from "./failure";
import { failureLines } from "./figure";
import type { Model } from "./gen/facewire/v1/detect_pb";
import { Live } from "./live";
import { Photos } from "./photos";
import { listModels } from "./service";
import type { Settings } from "./service";

const ASK_AGAIN_MS = 2000;

const model = element("model", HTMLSelectElement);
const confidence = element("confidence", HTMLInputElement);
const files = element("files", HTMLInputElement);
const liveButton = element("live", HTMLButtonElement);
const clearButton = element("clear", HTMLButtonElement);
const trouble = element("trouble", HTMLElement);

const settings: Settings = { model: "", minConfidence: undefined };
const say = (line: string) => (element("status", HTMLElement).textContent = line);
const photos = new Photos(element("photos", HTMLElement), settings, say);
const live = new Live(element("camera", HTMLElement), settings);
let models: Model[] = [];

function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) {
    throw new Error(`the page has no ${id}`);
  }
  return found;
}

/** Fill the chooser. While no server answers, say so, and ask again. */
async function loadModels(): Promise<void> {
  try {
    models = await listModels();
  } catch (error) {
    const failure = failureOf(error);
    showTrouble(failure);
    if (failure.temporary) {
      setTimeout(() => void loadModels(), ASK_AGAIN_MS);
    }
    return;
  }
  showTrouble();
  model.replaceChildren(...models.map(({ name }) => new Option(name, name)));
  model.disabled = false;
  chooseModel();
}

/** Show what is wrong with the page as a whole. The same trouble is not announced again. */
function showTrouble(failure?: Failure): void {
  const key = failure ? failure.sentence + failure.cause : "";
  if (trouble.dataset.shown !== key) {
    trouble.dataset.shown = key;
    trouble.replaceChildren(...(failure ? failureLines(failure) : []));
  }
}

function chooseModel(): void {
  settings.model = model.value;
  const chosen = models.find(({ name }) => name === model.value);
  if (chosen) {
    confidence.value = `${chosen.minConfidence}`;
  }
  changeConfidence();
}

function changeConfidence(): void {
  settings.minConfidence = confidence.valueAsNumber;
  const shown = confidence.valueAsNumber.toFixed(2);
  element("confidence-shown", HTMLElement).textContent = shown;
  photos.askAll();
}

function add(added: Iterable<File>): void {
  photos.add(added);
  showCount();
}

function showCount(): void {
  clearButton.disabled = photos.count === 0;
  element("empty", HTMLElement).hidden = photos.count > 0 || live.running;
}

async function toggleLive(): Promise<void> {
  if (live.running) {
    live.stop();
  } else {
    const sentence = await live.start();
    showTrouble(sentence ? { sentence, cause: "", temporary: true } : undefined);
  }
  liveButton.textContent = live.running ? "Stop camera" : "Start camera";
  element("camera", HTMLElement).hidden = !live.running;
  showCount();
}

model.addEventListener("change", chooseModel);
confidence.addEventListener("input", changeConfidence);
liveButton.addEventListener("click", () => void toggleLive());
element("choose", HTMLButtonElement).addEventListener("click", () => files.click());
files.addEventListener("change", () => {
  add(files.files ?? []);
  files.value = "";
});
clearButton.addEventListener("click", () => {
  photos.clear();
  say("");
  showCount();
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) {
    document.body.classList.remove("dropping");
  }
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  add(event.dataTransfer?.files ?? []);
});
document.addEventListener("paste", (event) => add(event.clipboardData?.files ?? []));

void loadModels();
