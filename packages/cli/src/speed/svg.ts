import { type Measurement, megabytes } from "./measure.ts";
import { type Result, verdict } from "./results.ts";
import { title } from "./text.ts";

const PANEL = { width: 440, height: 250, left: 64, right: 28, top: 44, bottom: 56 } as const;
const COLUMNS = 3;
/** The height of the header. */
const HEAD = 56;

const escapeText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const text = (x: number, y: number, content: string, more = ""): string =>
  `<text x="${x}" y="${y}" ${more}>${escapeText(content)}</text>`;

/** Draws one algorithm: throughput over size, both on logarithmic scales. */
function panel(result: Result, x: number, y: number): string {
  const { width, height, left, right, top, bottom } = PANEL;
  const curves = (["device", "node"] as const).map((who) =>
    result.sizes.flatMap((size): (readonly [number, number])[] => {
      const measurement: Measurement | undefined = size[who];
      return measurement === undefined ? [] : [[size.bytes, megabytes(measurement, size.bytes)]];
    }),
  );
  const values = curves.flat().map(([, value]) => value);
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const bytes = result.sizes.map((size) => size.bytes);
  const [first, last] = [Math.log2(bytes[0] as number), Math.log2(bytes.at(-1) as number)];
  const across = (size: number): number =>
    left + ((Math.log2(size) - first) / Math.max(last - first, 1)) * (width - left - right);
  const up = (value: number): number =>
    height - bottom - ((Math.log10(value) - low) / Math.max(high - low, 1)) * (height - top - bottom);
  const powers = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  const lines = curves.map((points, index) => {
    if (points.length === 0) return "";
    const path = points.map(([size, value]) => `${across(size).toFixed(1)},${up(value).toFixed(1)}`).join(" ");
    return `<polyline class="${index === 0 ? "device" : "node"}" points="${path}"/>`;
  });
  return [
    `<g transform="translate(${x} ${y})">`,
    text(16, 20, title(result), 'class="title"'),
    text(16, 36, verdict(result)),
    ...powers.flatMap((power) => [
      `<line x1="${left}" x2="${width - right}" y1="${up(power)}" y2="${up(power)}"/>`,
      text(left - 6, up(power) + 4, `${Number(power.toPrecision(1))}`, 'text-anchor="end"'),
    ]),
    ...bytes.map((size) => text(across(size), height - bottom + 16, `${size}`, 'text-anchor="middle"')),
    text((left + width - right) / 2, height - bottom + 34, "bytes per operation", 'text-anchor="middle"'),
    ...lines,
    "</g>",
  ].join("\n");
}

/** Draws all algorithms, each in its own panel. */
export function svgOf(results: readonly Result[], heading: string): string {
  const columns = Math.min(COLUMNS, results.length);
  const [width, height] = [columns * PANEL.width, HEAD + Math.ceil(results.length / COLUMNS) * PANEL.height];
  const panels = results.map((result, index) =>
    panel(result, (index % COLUMNS) * PANEL.width, HEAD + Math.floor(index / COLUMNS) * PANEL.height),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    "<style>text { font: 11px sans-serif; fill: #222 } .title { font-weight: bold } line { stroke: #ddd }",
    "polyline { fill: none; stroke-width: 2 } .device { stroke: #06c } .node { stroke: #e60; stroke-dasharray: 5 3 }</style>",
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(16, 22, heading, 'class="title"'),
    text(16, 42, "MB/s (1 MB is 10^6 bytes). Solid blue: the device. Dashed orange: node:crypto in this runtime"),
    ...panels,
    "</svg>",
    "",
  ].join("\n");
}
