import type { Device } from "@cryptodev/core";

/** The backends that `--backend` accepts. */
export type Backend = Device["backend"] | "auto";

/** What the command needs of the package that programs import, `cryptodev`. */
export interface Library {
  /** The package's version. */
  readonly version: string;
  /** The runtime's name and version. */
  readonly runtime: string;
  /** All backends. */
  readonly backends: readonly Backend[];
  /** The environment variables that the package reads when it opens a device. */
  readonly variables: {
    /** The one that selects the backend. */
    readonly backend: string;
    /** The one that turns on tracing. */
    readonly trace: string;
  };
  /** The file that starts the command, which `cryptodev serve` runs again in a namespace. */
  readonly file: string;
  /** Opens a device. */
  open(options: {
    readonly backend: Backend | undefined;
    readonly path: string | undefined;
    readonly hardware: "require" | "allow";
  }): Device;
}
