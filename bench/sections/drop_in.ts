import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import { compareMedians } from "../statistics.ts";

/** Measures one cipher and many updates, with `cryptodev/crypto` and with node:crypto. */
export async function dropIn(bench: Bench, path: string, add: (row: Row) => void): Promise<void> {
  for (const runtime of bench.runtimes) {
    const one = await bench.start(bench.together, runtime, path);
    for (const device of ["served", "software"]) {
      for (const size of [16, 256, 4096, 65536, 2 ** 20]) {
        const names = [`drop-in-${device}`, "drop-in-node"];
        const [ours = [], direct = []] = await bench.interleave([one, one], names, size);
        const { median: value, spread } = compareMedians(direct, ours);
        const what = `update of ${size} bytes, ${device === "served" ? "on the device" : "in process"}, throughput relative to node:crypto`;
        add({ what, who: runtime.name, value, unit: "x", spread });
      }
    }
    one.stop();
  }
}
