import process from "node:process";
import { runtime } from "cryptodev";
import { expect, test } from "vitest";
import { runtimeName } from "./runtime.ts";

test("the tests run in the runtime that the command announced", () => {
  console.log(`This suite runs in ${runtime}`);
  expect(runtimeName).toBe(process.env.TEST_RUNTIME ?? runtimeName);
  const versions = process.versions as Record<string, string | undefined>;
  const key = { "Node.js": "node", Deno: "deno", Bun: "bun" }[runtimeName];
  expect(runtime).toBe(`${runtimeName} ${versions[key]}`);
});
