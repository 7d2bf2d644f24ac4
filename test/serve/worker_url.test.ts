import { describe, expect, test } from "vitest";
import { workerUrl } from "../../packages/serve/dist/worker_url.js";

describe("workerUrl()", () => {
  test.each([
    ["file:///dist/server.js", "file:///dist/worker.js"],
    ["file:///src/server.ts", "file:///src/worker.ts"],
    ["https://jsr.io/src/server.ts", "data:text/javascript,import%20%22https%3A%2F%2Fjsr.io%2Fsrc%2Fworker.ts%22%3B"],
  ])("returns the URL of the worker beside %s", (sibling, worker) => {
    expect(workerUrl(sibling, "worker")).toBe(worker);
  });

  test.each([
    "file:///dist/bundle.mjs",
    "file:///dist/bundle.cjs",
    "file:///dist/worker.js",
    "file:///$bunfs/root/program",
    undefined,
  ])("refuses a bundle, which would start itself: %s", (sibling) => {
    expect(() => workerUrl(sibling, "worker")).toThrow(
      'a bundle has no worker to start a thread from; keep the packages of cryptodev external: external: ["cryptodev", "@cryptodev/*"]',
    );
  });
});
