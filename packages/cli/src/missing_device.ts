import { CryptodevError } from "@cryptodev/core";
import { nearestFile } from "./nearest_file.ts";
import { quoteName } from "./quote.ts";

/** Why there is no device, by the code of the error. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such device",
  ENXIO: "no driver is loaded for this device",
  ENODEV: "no driver is loaded for this device",
};

/** There is no device. The library's own message is for programs; this one is for users of the command. */
export class MissingDevice extends Error {
  override readonly name = "MissingDevice";
  /** The message without what to do. */
  readonly reason: string;
  /** The existing file that may be meant if the user mistyped the path. */
  readonly meant: string | undefined;

  /** @param isTyped - whether the user typed the path */
  constructor(cause: CryptodevError, isTyped: boolean) {
    const reason = `${quoteName(cause.path)}: ${cause.code}, ${reasons[cause.code]}`;
    const meant = isTyped && cause.code === "ENOENT" ? nearestFile(cause.path) : undefined;
    const hint =
      meant === undefined
        ? "`cryptodev info` says how to get it, and `--backend software` works without it"
        : `did you mean ${quoteName(meant)}?`;
    super(`${reason}; ${hint}`, { cause });
    this.reason = reason;
    this.meant = meant;
  }
}

/** Whether an error of the library means that there is no device. */
export const isMissingDevice = (error: unknown): error is CryptodevError =>
  error instanceof CryptodevError && error.syscall === "open" && Object.hasOwn(reasons, error.code);
