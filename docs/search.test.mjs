/*
 * Asks the search of the built site what readers ask, with the options that the site uses. `npm run docs` runs it after
 * the build.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { resolveConfig } from "vitepress";

// The same version that VitePress sends to the browser.
const { default: MiniSearch } = await import(createRequire(import.meta.resolve("vitepress")).resolve("minisearch"));

const chunks = new URL("dist/assets/chunks/", import.meta.url);

/** Which page answers a question. The first result has to be on one of its pages. */
const answers = {
  performance: ["faster than node:crypto", "benchmark", "throughput", "node:crypto speed"],
  "from-c": ["migrate C", "CIOCGSESSION", "CIOCCPHASH"],
  install: [
    "docker",
    "podman",
    "container",
    "npm install",
    "deno add",
    "allow-ffi",
    "raspberry pi",
    "OpenWrt",
    "yocto",
  ],
  comparison: ["OpenSSL", "AF_ALG", "libkcapi", "devcrypto engine", "alternatives"],
  webcrypto: ["webcrypto", "crypto.subtle"],
  troubleshooting: [
    "permission denied",
    "EINVAL",
    "ENOENT",
    "EACCES",
    "EBUSY",
    "ERR_REQUIRE_ESM",
    "koffi cannot be loaded",
    "slow",
  ],
  hardware: ["hardware only", "alignment", "is it worth it", "HardwareRequiredError"],
  testing: ["without the module", "jest", "vitest", "CI"],
  async: ["bundle", "esbuild", "openAsync", "event loop"],
  "node-crypto": ["createCipheriv", "CRYPTODEV_FALLBACK"],
  aead: ["nonce", "managed nonce", "TLS records"],
  streams: ["padding", "TransformStream"],
  algorithms: ["choose algorithm", "32-bit"],
  errors: ["AuthenticationError"],
  security: ["security"],
  verified: ["tested kernels", "arm64", "musl"],
  "command-line": ["exit code", "sha256sum", "command line"],
  examples: ["examples", "webhook"],
};

describe("the search of the site", () => {
  let index;

  before(async () => {
    const { site } = await resolveConfig(fileURLToPath(new URL(".", import.meta.url)), "build");
    const { searchOptions } = site.themeConfig.search.options.miniSearch;
    const file = readdirSync(chunks).find((name) => name.startsWith("@localSearchIndexroot."));
    const { default: text } = await import(new URL(file, chunks));
    // The other options are those of VitePress's search box.
    index = MiniSearch.loadJSON(text, {
      fields: ["title", "titles", "text"],
      storeFields: ["title", "titles"],
      searchOptions: { boost: { title: 4, text: 2, titles: 1 }, ...searchOptions },
    });
  });

  for (const [page, questions] of Object.entries(answers)) {
    for (const question of questions) {
      test(`finds the page ${page} first for "${question}"`, () => {
        const ids = index.search(question).map(({ id }) => id);
        assert.match(ids[0] ?? "nothing", new RegExp(`/guide/${page}\\.html(#|$)`), ids.slice(0, 5).join("\n"));
      });
    }
  }

  test("still finds a class in the reference", () => {
    const ids = index.search("SubmittedCipher").map(({ id }) => id);
    assert.match(ids[0], /\/reference\/.*SubmittedCipher/);
  });
});
