/** Boxes and landmarks, drawn over a picture of any displayed size. */
import type { Detection, DetectResponse } from "./gen/facewire/v1/detect_pb";

const SVG = "http://www.w3.org/2000/svg";

/**
 * Draw an answer into an SVG that covers the picture.
 *
 * Positions are percentages of the upright picture, so that the drawing follows the picture's
 * displayed size while lines and text keep theirs.
 */
export function draw(svg: SVGSVGElement, response: DetectResponse): void {
  const { detections, imageWidth, imageHeight } = response;
  const x = (pixels: number) => `${(100 * pixels) / imageWidth}%`;
  const y = (pixels: number) => `${(100 * pixels) / imageHeight}%`;
  svg.replaceChildren(...detections.flatMap((detection) => shapes(detection, x, y)));
  svg.setAttribute("aria-label", describe(response));
}

/** An empty drawing, for `draw`. */
export function createOverlay(): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "overlay");
  svg.setAttribute("role", "img");
  erase(svg);
  return svg;
}

/** Remove what was drawn. */
export function erase(svg: SVGSVGElement): void {
  svg.replaceChildren();
  svg.setAttribute("aria-label", "Nothing found yet");
}

/** How many of what were found: "2 faces", "1 car, 2 persons". */
export function describe({ detections }: DetectResponse): string {
  const counts = new Map<string, number>();
  for (const { label } of detections) {
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  if (counts.size === 0) {
    return "Nothing found";
  }
  const name = (label: string, count: number) => (label || "object") + (count === 1 ? "" : "s");
  return [...counts].map(([label, count]) => `${count} ${name(label, count)}`).join(", ");
}

type Position = (pixels: number) => string;

function shapes({ box, landmarks, confidence, label }: Detection, x: Position, y: Position) {
  if (!box) {
    return [];
  }
  const [left, top] = [x(box.xMin), y(box.yMin)];
  const size = { width: x(box.xMax - box.xMin), height: y(box.yMax - box.yMin) };
  // A dark line below a bright one is seen on any picture.
  const drawn = ["below", "box"].map((name) =>
    shape("rect", { class: name, x: left, y: top, ...size }),
  );
  for (const point of landmarks) {
    drawn.push(shape("circle", { class: "landmark", cx: x(point.x), cy: y(point.y), r: "2.5" }));
  }
  // At the top of the picture there is no room above the box.
  const inside = parseFloat(top) < 7;
  const text = shape("text", { x: left, y: top, dx: inside ? "5" : "0", dy: inside ? "17" : "-6" });
  text.textContent = `${label} ${confidence.toFixed(2)}`.trim();
  return [...drawn, text];
}

function shape(name: string, attributes: Record<string, string>): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  return element;
}
