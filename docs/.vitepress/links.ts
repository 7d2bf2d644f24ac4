import { relative } from "node:path";
import { Parser } from "htmlparser2";

/** The anchors of a page of the site, and its links. */
interface Page {
  readonly anchors: ReadonlySet<string>;
  readonly links: readonly string[];
}

/**
 * Checks the links of the built site, including those within a page. Links to other sites only have to be well formed.
 */
export class LinkCheck {
  readonly #origin = "https://site.invalid";
  readonly #base: string;
  readonly #pages = new Map<string, Page>();

  /** @param base - the site's path on its server */
  constructor(base: string) {
    this.#base = base;
  }

  /** Adds a rendered page. */
  add(html: string, file: string, folder: string): void {
    const anchors = new Set<string>();
    const links: string[] = [];
    const parser = new Parser({
      onopentag(name, { id, href }) {
        if (id !== undefined) anchors.add(id);
        if (name === "a" && href !== undefined) links.push(href);
      },
    });
    parser.end(html);
    this.#pages.set(this.#base + relative(folder, file), { anchors, links });
  }

  /** @throws {Error} if there are dead links; it lists each with its page */
  finish(): void {
    const dead = [...this.#pages].flatMap(([path, { links }]) =>
      links.filter((link) => this.#isDead(link, path)).map((link) => `${path}: ${link}`),
    );
    if (dead.length > 0) throw new Error(`${dead.length} dead links\n${dead.join("\n")}`);
  }

  #isDead(link: string, path: string): boolean {
    if (!URL.canParse(link, this.#origin + path)) return true;
    const { origin, pathname, hash } = new URL(link, this.#origin + path);
    if (origin !== this.#origin) return false;
    const target = this.#pages.get(decodeURI(pathname).replace(/\/$/, "/index.html"));
    return target === undefined || (hash !== "" && !target.anchors.has(decodeURIComponent(hash.slice(1))));
  }
}
