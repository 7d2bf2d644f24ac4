import process from "node:process";
import type { Options, SingleBar, ValueType } from "cli-progress";

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** Formats what the bar counts, which is bytes, and leaves the rest as it is. */
function formatValue(value: number, _: Options, kind: ValueType): string {
  return kind === "value" || kind === "total" ? mebibytes(value) : `${value}`;
}

/** A progress bar on a terminal. Elsewhere it shows nothing. */
export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #total: number | undefined;
  readonly #began: number = performance.now();
  #done = 0;

  private constructor(bar: SingleBar | undefined, total: number | undefined) {
    this.#bar = bar;
    this.#total = total;
  }

  /**
   * Starts a progress bar.
   *
   * @param total - the number of bytes, if it is known
   */
  static async start(total: number | undefined, isQuiet: boolean): Promise<Progress> {
    if (isQuiet || !process.stderr.isTTY) return new Progress(undefined, total);
    const { default: cliProgress } = await import("cli-progress");
    const format =
      total === undefined
        ? "{value} MiB | {speed} MiB/s | {duration_formatted}"
        : "{bar} {percentage}% | {value} of {total} MiB | {speed} MiB/s | {eta_formatted} left";
    const bar = new cliProgress.SingleBar(
      { format, barsize: 20, clearOnComplete: true, etaBuffer: 50, formatValue },
      cliProgress.Presets.legacy,
    );
    bar.start(total ?? 0, 0, { speed: "-" });
    return new Progress(bar, total);
  }

  /** Adds processed bytes. */
  add(bytes: number): void {
    this.#done += bytes;
    if (this.#total === undefined) this.#bar?.setTotal(this.#done);
    this.#bar?.update(this.#done, { speed: mebibytes(this.#done / ((performance.now() - this.#began) / 1000)) });
  }

  /** Ends the bar, and removes it from the terminal. */
  stop(): void {
    this.#bar?.stop();
  }
}
