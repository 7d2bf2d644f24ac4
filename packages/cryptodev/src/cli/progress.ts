import process from "node:process";
import type { SingleBar } from "cli-progress";

/** How far something is, on a terminal; nothing at all off one. */
export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #total: number | undefined;
  #done = 0;

  private constructor(bar: SingleBar | undefined, total: number | undefined) {
    this.#bar = bar;
    this.#total = total;
  }

  /**
   * Starts to show it.
   *
   * @param total - bytes that there will be, if that is known
   * @param unit - what is counted, if not bytes
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

  /** Adds bytes that are done. */
  add(bytes: number): void {
    this.#done += bytes;
    if (this.#total === undefined) this.#bar?.setTotal(this.#done);
    this.#bar?.update(this.#done);
  }

  /** Ends the bar, and takes it off the terminal. */
  stop(): void {
    this.#bar?.stop();
  }
}
