import { KernelCrashError, SoftwareHost } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { replay } from "./replay.ts";
import { type Step, scripts } from "./transcript.ts";

/** Drivers have names of their own; all else of an answer is the same. */
function withoutDrivers({ ret, errno, out }: Partial<Step>): unknown {
  if (out?.cipher === undefined) return { ret, errno, out };
  const [cipher] = out.cipher as string[];
  const [hash] = out.hash as string[];
  return { ret, errno, out: { ...out, cipher, hash } };
}

describe("the software device answers as the real driver did", () => {
  test.each(scripts)("$name $build", (script) => {
    replay(new SoftwareHost({ async: script.build === "async-on" }), script, (step, send) => {
      const request = JSON.stringify(step);
      if (step.oops !== undefined) expect(send, request).toThrow(KernelCrashError);
      else expect(withoutDrivers(send()), request).toEqual(withoutDrivers(step));
    });
  });

  test("all of the scripts are there", () => {
    expect(scripts).toHaveLength(194);
    expect(scripts.flatMap(({ steps }) => steps).length).toBeGreaterThan(1200);
  });
});
