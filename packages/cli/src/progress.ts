import process from "node:process";
import type { SingleBar } from "cli-progress";

/** A progress bar on a terminal. Elsewhere it shows nothing. */
export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #total: number | undefined;
  #done = 0;

  private constructor(bar: SingleBar | undefined, total: number | undefined) {
    this.#bar = bar;
    this.#total = total;
  }

  /**
   * Starts a progress bar.
   *
   * @param total - the number of bytes, if it is known
   * @param unit - the unit that is counted. Defaults to bytes
   */
  static async start(total: number | undefined, isQuiet: boolean, unit: string = "bytes"): Promise<Progress> {
    if (isQuiet || !process.stderr.isTTY) return new Progress(undefined, total);
    const { default: cliProgress } = await import("cli-progress");
    const format =
      total === undefined
        ? `{value} ${unit} | {duration_formatted}`
        : `{bar} {percentage}% | {value} of {total} ${unit} | {eta_formatted} left`;
    const bar = new cliProgress.SingleBar({ format, clearOnComplete: true, etaBuffer: 50 }, cliProgress.Presets.legacy);
    bar.start(total ?? 0, 0);
    return new Progress(bar, total);
  }

  /** Adds processed bytes. */
  add(bytes: number): void {
    this.#done += bytes;
    if (this.#total === undefined) this.#bar?.setTotal(this.#done);
    this.#bar?.update(this.#done);
  }

  /** Ends the bar, and removes it from the terminal. */
  stop(): void {
    this.#bar?.stop();
  }
}
