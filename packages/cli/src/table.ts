type Row = readonly (string | number)[];

/** A table that was formatted for a width. */
export interface FittedTable {
  readonly text: string;
  /** The names of the columns that did not fit. */
  readonly omitted: readonly string[];
}

/**
 * Formats rows in columns, without borders or colours. Columns of numbers are aligned to the right.
 *
 * @param lastWidth - the width of the last column, in which text is wrapped
 */
export async function table(head: readonly string[], rows: readonly Row[], lastWidth?: number): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const sides = ["top", "bottom", "left", "right", "mid"] as const;
  const none = sides.flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`]);
  const made = new Table({
    head: [...head],
    ...(lastWidth === undefined ? {} : { colWidths: [...head.slice(1).map(() => null), lastWidth], wordWrap: true }),
    colAligns: head.map((_, index) => (rows.every((row) => /^[\d.-]*$/.test(`${row[index]}`)) ? "right" : "left")),
    chars: {
      ...Object.fromEntries([...none, "left-mid", "mid-mid", "right-mid"].map((side) => [side, ""])),
      middle: "  ",
    },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  made.push(...rows.map((row) => [...row]));
  return made.toString().replace(/ +$/gm, "");
}

/**
 * Formats rows in columns, without those for which there is no room.
 *
 * @param dispensable - the columns that may be omitted, the first one first
 */
export async function fittedTable(
  head: readonly string[],
  rows: readonly Row[],
  width: number,
  dispensable: readonly string[],
): Promise<FittedTable> {
  for (let count = 0; ; count += 1) {
    const omitted = dispensable.slice(0, count);
    const isShown = (_: unknown, index: number): boolean => !omitted.includes(head[index] as string);
    const text = await table(
      head.filter(isShown),
      rows.map((row) => row.filter(isShown)),
    );
    if (count === dispensable.length || text.split("\n").every((line) => line.length <= width))
      return { text, omitted };
  }
}
