/** Formats rows in columns, without borders or colours. Columns of numbers are aligned to the right. */
export async function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const sides = ["top", "bottom", "left", "right", "mid"] as const;
  const none = sides.flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`]);
  const made = new Table({
    head: [...head],
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
