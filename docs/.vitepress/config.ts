import process from "node:process";
import { type DefaultTheme, defineConfig } from "vitepress";
import reference from "../reference/typedoc-sidebar.json" with { type: "json" };
import { LinkCheck } from "./links.ts";

/** The site's path on its server, such as `/cryptodev/`. */
const base = process.env.DOCS_BASE ?? "/";

const links = new LinkCheck(base);

const page = (text: string, file: string): DefaultTheme.SidebarItem => ({ text, link: `/guide/${file}` });

const guide: DefaultTheme.SidebarItem[] = [
  {
    text: "Guide",
    items: [
      page("First session", "first-session"),
      page("Choosing an algorithm", "algorithms"),
      page("Authenticated encryption", "aead"),
      page("Streams and chunks", "streams"),
      page("Without blocking", "async"),
      page("Hardware and alignment", "hardware"),
    ],
  },
  {
    text: "In your project",
    items: [
      page("Testing your code", "testing"),
      page("Errors and what to do", "errors"),
      page("Security model", "security"),
      page("In place of node:crypto", "node-crypto"),
      page("WebCrypto", "webcrypto"),
      page("The command line", "command-line"),
      page("Migrating C code", "from-c"),
    ],
  },
];

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
    ],
    sidebar: { "/guide/": guide, "/reference/": reference },
    outline: [2, 3],
    // Names of algorithms are short: a name that is merely similar means something else.
    search: {
      provider: "local",
      options: { miniSearch: { searchOptions: { fuzzy: false, combineWith: "AND" } } },
    },
  },
});
