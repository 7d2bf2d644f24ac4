import process from "node:process";
import { clearLine, cursorTo } from "node:readline";

/** A line on a terminal that shows the progress until it is cleared. If the output is not a terminal, it shows nothing. */
export class StatusLine {
  show(text: string): void {
    const { stderr } = process;
    if (!stderr.isTTY) return;
    this.clear();
    // A line that the terminal wraps could not be cleared.
    stderr.write(text.slice(0, (stderr.columns || 80) - 1));
  }

  clear(): void {
    const { stderr } = process;
    if (!stderr.isTTY) return;
    cursorTo(stderr, 0);
    clearLine(stderr, 0);
  }
}
