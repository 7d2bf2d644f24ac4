import type { Argument } from "@cryptodev/core/host";
import { SoftwareHost } from "@cryptodev/soft";

/** The software device, with a record of every call that reached it. */
export class RecordingHost extends SoftwareHost {
  readonly calls: { readonly fd: number; readonly request: number; readonly bytes: Uint8Array }[] = [];
  readonly warnings: string[] = [];
  readonly closed: number[] = [];
  readonly opened: [string, number][] = [];
  /** Results of the next ioctls, instead of the device's; `undefined` for one that the device answers. */
  readonly answers: (number | undefined)[] = [];

  override ioctl(fd: number, request: number, argument: Argument | null): number {
    this.calls.push({ fd, request, bytes: argument?.bytes.slice() ?? new Uint8Array() });
    return this.answers.shift() ?? super.ioctl(fd, request, argument);
  }

  override open(path: string, flags: number): number {
    this.opened.push([path, flags]);
    return super.open(path, flags);
  }

  override close(fd: number): number {
    this.closed.push(fd);
    return super.close(fd);
  }

  override warn(message: string): void {
    this.warnings.push(message);
  }
}
