import { readFileSync, writeFileSync } from "node:fs";
import Table from "cli-table3";

/** One result. */
export interface Row {
  readonly what: string;
  readonly who: string;
  readonly value: number;
  readonly unit: "ns" | "us" | "ms" | "x" | "B/op" | "op/s";
  /** Half of all rounds deviate from the median by at most this fraction of it. */
  readonly spread?: number;
  /** The limit that the value should keep. */
  readonly limit?: { readonly most: number } | { readonly least: number };
}

export function holds({ value, limit }: Row): boolean {
  if (limit === undefined) return true;
  return "most" in limit ? value <= limit.most : value >= limit.least;
}

const columns = ["what", "who", "value", "spread", "limit", ""] as const;

function cells(row: Row): string[] {
  const { what, who, value, unit, spread, limit } = row;
  const number = unit === "op/s" ? Math.round(value).toLocaleString("en") : value.toFixed(unit === "x" ? 2 : 1);
  const wanted = limit === undefined ? "" : "most" in limit ? `at most ${limit.most}` : `at least ${limit.least}`;
  return [
    what,
    who,
    `${number} ${unit}`,
    spread === undefined ? "" : `± ${(spread * 100).toFixed(0)} %`,
    wanted,
    limit === undefined ? "" : holds(row) ? "holds" : "does NOT hold",
  ];
}

/** The results of a run, by section. */
export class Report {
  readonly #sections = new Map<string, Row[]>();
  readonly machine: string;
  readonly versions: string;

  constructor(machine: string, versions: string) {
    this.machine = machine;
    this.versions = versions;
  }

  /** Measures a section, and prints its table. */
  async section(title: string, measure: (add: (row: Row) => void) => Promise<void>): Promise<void> {
    const rows: Row[] = [];
    this.#sections.set(title, rows);
    await measure((row) => rows.push(row));
    const table = new Table({
      head: [...columns],
      style: { head: [], border: [], compact: true },
      colAligns: ["left", "left", "right", "right"],
    });
    table.push(...rows.map(cells));
    console.log(`\n${title}\n${table}`);
  }

  /** All rows, by the title of their section. */
  get sections(): ReadonlyMap<string, readonly Row[]> {
    return this.#sections;
  }

  get rows(): Row[] {
    return [...this.#sections.values()].flat();
  }

  get broken(): Row[] {
    return this.rows.filter((row) => !holds(row));
  }

  writeJson(path: string): void {
    const { machine, versions } = this;
    const sections = Object.fromEntries(
      [...this.#sections].map(([title, rows]) => [title, rows.map((row) => ({ ...row, holds: holds(row) }))]),
    );
    writeFileSync(
      path,
      `${JSON.stringify({ date: new Date().toISOString(), machine, versions, sections }, null, 2)}\n`,
    );
  }

  /**
   * Replaces the sections that were measured, after the last heading of a Markdown file. The others stay as they are.
   *
   * @param titles - those of all sections, in their order
   */
  writeMarkdown(path: string, titles: readonly string[]): void {
    const heading = "## Last results";
    const [before = "", after = ""] = readFileSync(path, "utf8").split(heading);
    const texts = new Map(
      after
        .split(/^### /m)
        .slice(1)
        .map((text) => [text.slice(0, text.indexOf("\n")), `### ${text.trimEnd()}`]),
    );
    const line = (fields: readonly string[]): string => `| ${fields.join(" | ")} |`;
    const date = new Date().toISOString().slice(0, 10);
    for (const [title, rows] of this.#sections) {
      const table = [line(columns), "| --- | --- | --: | --: | --- | --- |", ...rows.map(cells).map(line)];
      texts.set(title, `### ${title}\n\n${date}: ${this.machine}; ${this.versions}.\n\n${table.join("\n")}`);
    }
    const known = titles.flatMap((title) => texts.get(title) ?? []);
    writeFileSync(path, `${[`${before}${heading}`, ...known].join("\n\n")}\n`);
  }
}
