import process from "node:process";
import { Help } from "commander";

/** The number of columns that standard output has, also if it is not a terminal but `$COLUMNS` is set. */
export function outputWidth(): number {
  return process.stdout.columns || Number(process.env["COLUMNS"]) || Number.POSITIVE_INFINITY;
}

/** Breaks the lines of a text between words. */
export function wrap(text: string, width: number): string {
  return Number.isFinite(width) ? new Help().boxWrap(text, width) : text;
}
