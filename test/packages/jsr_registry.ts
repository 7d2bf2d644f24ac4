import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A local stand-in for JSR: accepts packages from `deno publish`, and serves them for `jsr:` specifiers. */
export class JsrRegistry {
  readonly #folder = mkdtempSync(join(tmpdir(), "cryptodev-jsr-"));
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const answer = this.#answer(request.method as string, request.url as string, Buffer.concat(chunks));
        response.writeHead(answer === undefined ? 404 : 200, {
          "content-type": request.url?.endsWith(".ts") ? "application/typescript" : "application/json",
        });
        response.end(answer ?? '{ "code": "notFound", "message": "not found" }');
      });
    });
  }

  static async start(): Promise<JsrRegistry> {
    const registry = new JsrRegistry();
    await new Promise<void>((resolve) => registry.#server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.#folder, { recursive: true });
  }

  #answer(method: string, url: string, body: Buffer): string | Buffer | undefined {
    const asked = /^\/api\/scopes\/(\w+)\/packages\/([\w-]+)(?:\/versions\/([\d.]+))?/.exec(url);
    if (asked !== null) {
      const [, scope, name, version = ""] = asked;
      if (method === "POST") return this.#publish(join(`@${scope}`, `${name}`, version), body);
      // Every package exists, without any version.
      return version === "" ? JSON.stringify({ scope, name }) : undefined;
    }
    const meta = /^\/(@\w+\/[\w-]+)\/(?:([\d.]+)_)?meta\.json$/.exec(url);
    if (meta !== null) return this.#describe(meta[1] as string, meta[2]);
    const file = join(this.#folder, new URL(url, this.url).pathname);
    return statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file) : undefined;
  }

  #publish(path: string, tarball: Buffer): string {
    mkdirSync(join(this.#folder, path), { recursive: true });
    const { status } = spawnSync("tar", ["-xzf", "-"], { cwd: join(this.#folder, path), input: tarball });
    return JSON.stringify({ id: path, status: status === 0 ? "success" : "failure", error: null });
  }

  /** Returns the metadata of a package, or of one of its versions. */
  #describe(name: string, version?: string): string {
    const folder = join(this.#folder, name);
    if (version === undefined) {
      const versions = Object.fromEntries(readdirSync(folder).map((each) => [each, {}]));
      const [scope, plain] = name.slice(1).split("/");
      return JSON.stringify({ scope, name: plain, latest: Object.keys(versions)[0], versions });
    }
    const tree = join(folder, version);
    const paths = readdirSync(tree, { recursive: true, encoding: "utf8" }).filter((path) =>
      statSync(join(tree, path)).isFile(),
    );
    const manifest = paths.map((path) => {
      const bytes = readFileSync(join(tree, path));
      return [
        `/${path}`,
        { size: bytes.length, checksum: `sha256-${createHash("sha256").update(bytes).digest("hex")}` },
      ];
    });
    const { exports } = JSON.parse(readFileSync(join(tree, "jsr.json"), "utf8"));
    return JSON.stringify({ manifest: Object.fromEntries(manifest), exports });
  }
}
