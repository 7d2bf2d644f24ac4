import { type Measurement, megabytes } from "./measure.ts";
import { type Result, verdict } from "./results.ts";
import { title } from "./text.ts";

const PANEL = { width: 480, height: 300, left: 70, right: 28, top: 60, bottom: 56 } as const;
const COLUMNS = 3;
/** The height of the header. */
const HEAD = 84;

const contenders = [
  { who: "device", label: "the device" },
  { who: "node", label: "node:crypto in this runtime" },
] as const;

const escapeText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const text = (x: number, y: number, content: string, more = ""): string =>
  `<text x="${x}" y="${y}" ${more}>${escapeText(content)}</text>`;

/** The size on the axis: `64`, `16 KiB`. */
function sizeLabel(bytes: number): string {
  if (bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20} MiB`;
  return bytes >= 1024 && bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes}`;
}

/** Breaks a text into lines of at most `length` characters. */
function linesOf(content: string, length: number): string[] {
  const lines = [""];
  for (const word of content.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length <= length) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Draws one algorithm: throughput over size, both on logarithmic scales, with the middle half of all rounds. */
function panel(result: Result, x: number, y: number): string {
  const { width, height, left, right, top, bottom } = PANEL;
  const bytes = result.sizes.map((size) => size.bytes);
  const curves = contenders.map(({ who }) => ({
    who,
    points: result.sizes.flatMap((size): (readonly [number, Measurement])[] => {
      const measurement = size[who];
      return measurement === undefined ? [] : [[size.bytes, measurement]];
    }),
  }));
  const values = curves.flatMap(({ points }) =>
    points.flatMap(([size, { low, high }]) => [megabytes(low, size), megabytes(high, size)]),
  );
  const [least, most] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const [first, last] = [Math.log2(bytes[0] as number), Math.log2(bytes.at(-1) as number)];
  // A single size is in the middle.
  const across = (size: number): number =>
    left + (last === first ? 0.5 : (Math.log2(size) - first) / (last - first)) * (width - left - right);
  const up = (value: number): number =>
    height - bottom - ((Math.log10(value) - least) / Math.max(most - least, 1)) * (height - top - bottom);
  const at = (value: number): string => value.toFixed(1);
  const powers = Array.from({ length: Math.max(most - least, 1) + 1 }, (_, index) => 10 ** (least + index));
  const labels = bytes.filter((_, index) => index === 0 || bytes.length <= 8 || index % 2 === 0);
  return [
    `<g transform="translate(${x} ${y})">`,
    text(16, 20, title(result), 'class="title"'),
    text(16, 38, verdict(result)),
    ...powers.flatMap((power) => [
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(up(power))}" y2="${at(up(power))}"/>`,
      text(left - 8, up(power) + 4, `${Number(power.toPrecision(1))}`, 'text-anchor="end"'),
    ]),
    ...labels.map((size) => text(across(size), height - bottom + 18, sizeLabel(size), 'text-anchor="middle"')),
    text((left + width - right) / 2, height - bottom + 38, "bytes per operation", 'text-anchor="middle"'),
    text(0, 0, "MB/s", `text-anchor="middle" transform="translate(20 ${(height - bottom + top) / 2}) rotate(-90)"`),
    ...curves.flatMap(({ who, points }) => {
      if (points.length === 0) return [];
      const middle = points.map(([size, { rate }]) => `${at(across(size))},${at(up(megabytes(rate, size)))}`);
      const ranges = points.map(([size, { low, high }]) => {
        const [from, to] = [at(up(megabytes(low, size))), at(up(megabytes(high, size)))];
        return `<line class="${who} range" x1="${at(across(size))}" x2="${at(across(size))}" y1="${from}" y2="${to}"/>`;
      });
      const dots = middle.map((point) => {
        const [cx, cy] = point.split(",");
        return `<circle class="${who}" cx="${cx}" cy="${cy}" r="3"/>`;
      });
      return [`<polyline class="${who}" points="${middle.join(" ")}"/>`, ...ranges, ...dots];
    }),
    "</g>",
  ].join("\n");
}

/** Draws all algorithms, each in its own panel. */
export function svgOf(results: readonly Result[], heading: string): string {
  const columns = Math.max(Math.min(COLUMNS, results.length), 1);
  const width = columns * PANEL.width;
  // A character of the title is about 7 wide.
  const headings = linesOf(heading, Math.floor((width - 32) / 7));
  const head = HEAD + (headings.length - 1) * 16;
  const height = head + Math.ceil(results.length / COLUMNS) * PANEL.height;
  const panels = results.map((result, index) =>
    panel(result, (index % COLUMNS) * PANEL.width, head + Math.floor(index / COLUMNS) * PANEL.height),
  );
  const legend = contenders.flatMap(({ who, label }, index) => {
    const x = 16 + index * 120;
    return [
      `<polyline class="${who}" points="${x},${head - 42} ${x + 28},${head - 42}"/>`,
      `<circle class="${who}" cx="${x + 14}" cy="${head - 42}" r="3"/>`,
      text(x + 36, head - 38, label),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    "<style>text { font: 12px sans-serif; fill: #222 } .title { font-weight: bold } .grid { stroke: #ddd }",
    "polyline { fill: none; stroke-width: 2 } .range { stroke-width: 5; stroke-opacity: 0.35 }",
    ".device { stroke: #06c } circle.device { fill: #06c } .node { stroke: #d50; stroke-dasharray: 6 3 }",
    ".node.range { stroke-dasharray: none } circle.node { fill: #fff; stroke-dasharray: none }</style>",
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...headings.map((line, index) => text(16, 22 + index * 16, line, 'class="title"')),
    ...legend,
    text(16, head - 16, "1 MB is 10^6 bytes. Medians; a bar spans the middle half of the rounds."),
    ...panels,
    "</svg>",
    "",
  ].join("\n");
}
