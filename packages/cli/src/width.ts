import process from "node:process";
import { Help } from "commander";

/** The number of columns that standard output has, also if it is not a terminal but `$COLUMNS` is set. */
export function outputWidth(): number {
  const { COLUMNS } = process.env;
  return process.stdout.columns || Number(COLUMNS) || Number.POSITIVE_INFINITY;
}

const help = new Help();
// Its default is 40 columns.
help.minWidthToWrap = 1;

/** Breaks the lines of a text between words. */
export function wrap(text: string, width: number): string {
  return Number.isFinite(width) ? help.boxWrap(text, width) : text;
}
