import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { type Container, startContainer } from "../../host/engines/container.ts";
import type { HostEngine } from "../../host/engines/host-engine.ts";
import { type FileSpec, place } from "../../runtime/test/harness/rootfs.ts";
import { openEngine } from "../../tools/containers/open-engine.ts";
import { type BuildOptions, buildBaseImage, imageName } from "../build.ts";

/** How long the engine, its base image and the images of a file's tests may take to be there. */
export const SETUP_LIMIT_MS = 20 * 60_000;

/** What the tests of a file have while they run. */
export interface Setup {
  readonly engine: HostEngine;
  /** Starts a container that is removed at the end of the file's tests, should the test not do it. */
  start(args: readonly string[]): Promise<Container>;
  /** The base image with files added: its name. Removed at the end. @param instructions further lines of the Dockerfile */
  image(files: Readonly<Record<string, FileSpec>>, instructions?: string): Promise<string>;
}

/** Registers `before` and `after` hooks that get an engine with the base image of these options in it, and that clean up. */
export function setUp(options: BuildOptions = {}): Setup {
  const base = options.tag ?? imageName(options.variant ?? "full");
  let opened: Awaited<ReturnType<typeof openEngine>> | undefined;
  const containers: Container[] = [];
  const images = new Set<string>();
  const engine = (): HostEngine => {
    if (opened === undefined) throw new Error("the engine is there in tests only, not while they are registered");
    return opened.engine;
  };

  before(
    async () => {
      opened = await openEngine();
      await buildBaseImage(engine(), options);
    },
    { timeout: SETUP_LIMIT_MS },
  );
  after(async () => {
    await Promise.all(containers.map((container) => container.remove()));
    if (images.size > 0) await opened?.engine.run(["rmi", "--force", ...images]);
    await opened?.close();
  });

  return {
    get engine() {
      return engine();
    },
    async start(args) {
      const container = await startContainer(engine(), args);
      containers.push(container);
      return container;
    },
    async image(files, instructions = "") {
      const context = contextOf(files, `FROM ${base}\nCOPY rootfs/ /\n${instructions}\n`);
      const name = `shipshape/test:${createHash("sha256").update(context).digest("hex").slice(0, 12)}`;
      images.add(name);
      const args = ["build", "--tag", name, ...engine().buildArgs, "-"];
      await engine().runOrThrow(`build ${name}`, args, { input: context, timeoutMs: SETUP_LIMIT_MS });
      return name;
    },
  };
}

/** A build context as a tar file: `Dockerfile` and `rootfs/`. */
function contextOf(files: Readonly<Record<string, FileSpec>>, dockerfile: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "shipshape-test-"));
  try {
    writeFileSync(join(directory, "Dockerfile"), dockerfile);
    mkdirSync(join(directory, "rootfs"));
    for (const [path, file] of Object.entries(files)) place(join(directory, "rootfs"), path, file);
    return execFileSync("tar", ["--create", "--sort=name", "--mtime=@0", "--directory", directory, "."], {
      maxBuffer: 2 ** 28,
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
