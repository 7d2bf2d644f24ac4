import { CIOCFSESSION, CIOCGSESSION, LP64, requestNumber } from "@cryptodev/core/abi";
import type { RecordingHost } from "../recording_host.ts";

/** Counts the sessions that were started and have not ended. */
export function openSessions(host: RecordingHost): number {
  const count = (ioctl: typeof CIOCGSESSION | typeof CIOCFSESSION) =>
    host.calls.filter(({ request }) => request === requestNumber(ioctl, LP64)).length;
  return count(CIOCGSESSION) - count(CIOCFSESSION);
}
