import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import { summarize } from "../statistics.ts";

/** What the device takes for the same work: the case of client.ts. */
const devices = { pipe: "new-seal", software: "soft-gcm" };

/** Measures `subtle.encrypt()` with AES-GCM, compared with the time of the runtime's own and that of the device. */
export async function webcrypto(bench: Bench, add: (row: Row) => void): Promise<void> {
  for (const runtime of bench.runtimes) {
    const one = await bench.start([], runtime);
    for (const [device, alone] of Object.entries(devices)) {
      for (const size of [64, 4096, 65536, 2 ** 20]) {
        const names = [`subtle-${device}`, "subtle-native", alone];
        const [ours = [], native = [], work = []] = await bench.interleave([one, one, one], names, size);
        const { median, spread } = summarize(ours);
        const value = median / (summarize(native).median + summarize(work).median);
        const where = device === "pipe" ? "on a device that does nothing" : "in process";
        const what = `encrypt ${size} bytes, ${where}, time of the runtime's own and the device's`;
        add({ what, who: runtime.name, value, unit: "x", spread, limit: { most: size < 4096 ? 1.5 : 1.1 } });
      }
    }
    one.stop();
  }
}
