import { describe, expect, test } from "vitest";
import { ways } from "../software.ts";
import { replay } from "./replay.ts";
import { type Script, type Step, scripts } from "./transcript.ts";

/** Omits the names of drivers, which differ; everything else in a result is compared. */
function withoutDrivers({ ret, errno, out }: Partial<Step>): unknown {
  if (out?.cipher === undefined) return { ret, errno, out };
  const [cipher] = out.cipher as string[];
  const [hash] = out.hash as string[];
  return { ret, errno, out: { ...out, cipher, hash } };
}

/** A server cannot add a descriptor to another process, and the rest of such a script depends on that. */
const needsClone = ({ steps }: Script) => steps.some(({ ioctl }) => ioctl === "CRIOGET");

/** A script, after its title. Most do not depend on how the driver was built. */
const titled = (script: Script) =>
  [script.build === undefined ? script.name : `${script.name}, built with ${script.build}`, script] as const;

describe.each(ways)("$name: SoftwareDevice.ioctl() answers as the real driver did:", ({ isServed, reach }) => {
  const selected = isServed ? scripts.filter((script) => !needsClone(script)) : scripts;
  test.each(selected.map(titled))("%s", async (_title, script) => {
    const reached = await reach({ async: script.build === "async-on" });
    await replay(reached, script, async (step, send) => {
      const request = JSON.stringify(step);
      if (step.oops !== undefined) expect(await reached.crashOf(send), request).toBeDefined();
      else expect(withoutDrivers(send()), request).toEqual(withoutDrivers(step));
    });
  });
});

describe("transcripts.json and random.json", () => {
  test("contain all recorded scripts", () => {
    expect(scripts).toHaveLength(194);
    expect(scripts.flatMap(({ steps }) => steps).length).toBeGreaterThan(1200);
  });
});
