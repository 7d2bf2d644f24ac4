import process from "node:process";
import { type DefaultTheme, defineConfig } from "vitepress";
import manifest from "../../packages/cryptodev/package.json" with { type: "json" };
import reference from "../reference/typedoc-sidebar.json" with { type: "json" };
import { LinkCheck } from "./links.ts";

/** The site's path on its server, such as `/cryptodev/`. */
const base = process.env.DOCS_BASE ?? "/";

/** The repository from which a workflow builds the site. Nothing else knows where it is. */
const { GITHUB_SERVER_URL: host = "https://github.com", GITHUB_REPOSITORY: repository } = process.env;

const links = new LinkCheck(base);

const page = (text: string, file: string): DefaultTheme.SidebarItem => ({ text, link: `/guide/${file}` });

const guide: DefaultTheme.SidebarItem[] = [
  {
    text: "Guide",
    items: [
      page("Installing", "install"),
      page("First session", "first-session"),
      page("Choosing an algorithm", "algorithms"),
      page("Authenticated encryption", "aead"),
      page("Streams and chunks", "streams"),
      page("Without blocking", "async"),
      page("Hardware and alignment", "hardware"),
      page("Performance", "performance"),
      page("Examples", "examples"),
    ],
  },
  {
    text: "In your project",
    items: [
      page("Testing your code", "testing"),
      page("Errors and what to do", "errors"),
      page("Troubleshooting", "troubleshooting"),
      page("Security model", "security"),
      page("In place of node:crypto", "node-crypto"),
      page("WebCrypto", "webcrypto"),
      page("The command line", "command-line"),
      page("Migrating C code", "from-c"),
    ],
  },
  {
    text: "Before you decide",
    items: [page("Comparison", "comparison"), page("Verified on", "verified")],
  },
];

/**
 * Readers of the guide ask for a task, in words that no page has all of; the reference has most words more often. Names
 * of algorithms are short, and one that is merely similar means something else, so only long words may differ.
 *
 * VitePress sends the functions to the browser as text: they cannot use anything from here.
 */
const searchOptions = {
  combineWith: "OR" as const,
  prefix: (term: string) => term.length > 2,
  fuzzy: (term: string) => (term.length > 6 ? 0.2 : false),
  boostDocument: (id: string) => (id.includes("/guide/") ? 5 : 1),
};

export default defineConfig({
  base,
  title: "cryptodev",
  description: "/dev/crypto for Node.js, Deno and Bun",
  lang: "en",
  outDir: "dist",
  transformHtml: (html, file, { siteConfig }) => links.add(html, file, siteConfig.outDir),
  buildEnd: () => links.finish(),
  head: [["link", { rel: "icon", href: `${base}favicon.svg` }]],
  themeConfig: {
    nav: [
      { text: "Guide", link: "/guide/first-session", activeMatch: "/guide/" },
      { text: "Reference", link: "/reference/", activeMatch: "/reference/" },
      { text: "cryptodev-linux", link: "https://github.com/cryptodev-linux/cryptodev-linux" },
      { text: manifest.version, link: "/guide/verified" },
    ],
    socialLinks: repository === undefined ? [] : [{ icon: "github", link: `${host}/${repository}` }],
    sidebar: { "/guide/": guide, "/reference/": reference },
    outline: [2, 3],
    search: { provider: "local", options: { miniSearch: { searchOptions } } },
  },
});
