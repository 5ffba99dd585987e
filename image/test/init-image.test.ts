import { equal, match } from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runOrThrow } from "../../host/command.ts";
import { runContainer } from "../../host/engines/container.ts";
import type { HostEngine } from "../../host/engines/host-engine.ts";
import { eventually } from "../../runtime/test/harness/deadline.ts";
import { baseImage } from "../../tools/containers/base-image.ts";
import { logPath, top } from "../../tools/setup/places.ts";
import { buildInitImage, INIT_COMMANDS, INIT_IMAGE } from "../init-image.ts";
import { SETUP_LIMIT_MS, setUp } from "./setup.ts";
import { shows } from "./shows.ts";
import { stopSoon } from "./stops.ts";

const TEST_LIMIT_MS = 5 * 60_000;
/** The init's image as its users make it who have Docker alone. */
const BY_DOCKERFILE = `${INIT_IMAGE}:by-dockerfile`;
/** An image to build that one in, as Dockerfile.init wants it. */
const NODE_IMAGE = "shipshape/test-node";
/** Of the npm that is put into it: Debian's takes half a gigabyte. */
const NPM = "npm@10.9.2";
/** The two lines of the manual. */
const INIT = `COPY --from=${BY_DOCKERFILE} / /\nENTRYPOINT ["my_init", "--"]`;
/** A service that tells when it is told to stop, written by the image's own shell. */
const SERVICE = `RUN mkdir -p /etc/service/one && \
  printf '%s\\n' '#!/bin/sh' 'trap "echo one: got TERM; exit 0" TERM' 'echo one: up' 'while :; do sleep 1000 & wait $!; done' >/etc/service/one/run && \
  chmod +x /etc/service/one/run`;

describe(INIT_IMAGE, { timeout: 2 * SETUP_LIMIT_MS }, () => {
  const setup = setUp();
  const made: string[] = [];
  before(
    async () => {
      await buildNodeImage(setup.engine);
      const parts = ["--file", join(top, "image/Dockerfile.init"), "--build-arg", `BUILD_IMAGE=${NODE_IMAGE}`, top];
      await setup.engine.runOrThrow(
        `build ${BY_DOCKERFILE}`,
        ["build", "--tag", BY_DOCKERFILE, ...setup.engine.buildArgs, ...parts],
        { timeoutMs: SETUP_LIMIT_MS, logPath: logPath("build-init-by-dockerfile") },
      );
    },
    { timeout: SETUP_LIMIT_MS },
  );
  after(() => setup.engine.run(["rmi", "--force", ...made, BY_DOCKERFILE]));

  /** Builds from a Dockerfile alone, with the init's image there. */
  async function build(name: string, dockerfile: string): Promise<string> {
    const tag = `shipshape/test-init-${name}`;
    made.push(tag);
    await setup.engine.runOrThrow(`build ${tag}`, ["build", "--tag", tag, ...setup.engine.buildArgs, "-"], {
      input: `${dockerfile}\n`,
      timeoutMs: TEST_LIMIT_MS,
    });
    return tag;
  }

  const debian = async (): Promise<string> => baseImage(setup.engine, "trixie");
  const busybox = async (): Promise<string> =>
    `FROM ${await debian()} AS parts\nRUN apt-get -q update && apt-get -qy install busybox-static\nFROM scratch\n`;

  /** What every image with a shell in it must do with the two lines. */
  const works = async (image: string): Promise<void> => {
    const container = await setup.start([image]);
    await shows(container, "one: up");
    match((await container.exec(["sv", "status", "one"])).stdout, /^run: one: \(pid \d+\) \d+s\n$/);
    await container.exec(["sh", "-c", "sleep 0.1 & sleep 0.1 &"]);
    await eventually("no zombie is left", async () => {
      const { stdout } = await container.exec(["sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null; true"]);
      return !/\(sleep\) Z/.test(stdout) && !/\(sh\) Z/.test(stdout);
    });
    const { exitCode } = await stopSoon(setup.engine, container, 3000);
    const logs = await container.logs();
    equal(exitCode, 0, logs);
    match(logs, /^one: got TERM$/m);
    const command = await runContainer(setup.engine, [image, "sh", "-c", "cat /proc/1/comm; exit 7"]);
    equal(command.code, 7, command.stderr);
    match(command.stdout, /^my_init$/m);
  };

  for (const [title, release] of [
    ["Debian 12", "bookworm"],
    ["Debian 13", "trixie"],
  ] as const) {
    test(`A14 A20 A40 A50 two lines put the init into ${title}`, { timeout: SETUP_LIMIT_MS }, async () => {
      await works(await build(release, `FROM ${await baseImage(setup.engine, release)}\n${SERVICE}\n${INIT}`));
    });
  }

  test("A14 A20 A40 A50 two lines put the init into an image of busybox alone", {
    timeout: TEST_LIMIT_MS,
  }, async () => {
    const root = `COPY --from=parts /bin/busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]`;
    await works(await build("busybox", `${await busybox()}${root}\n${SERVICE}\n${INIT}`));
  });

  test("A20 A22 A50 two lines put the init into an image of one static program", {
    timeout: TEST_LIMIT_MS,
  }, async () => {
    const main =
      "trap 'echo app: got TERM; exit 5' TERM; (/busybox sleep 0.1 &); echo app: up; while :; do /busybox sleep 1; done";
    const image = await build(
      "static",
      `${await busybox()}COPY --from=parts /bin/busybox /busybox\n${INIT}\nCMD ["/busybox", "sh", "-c", "${main}"]`,
    );
    const container = await setup.start([image]);
    await shows(container, "app: up");
    equal((await container.stop()).exitCode, 5);
    match(await container.logs(), /^app: got TERM$/m);
    equal((await runContainer(setup.engine, [image, "/busybox", "sh", "-c", "exit 9"])).code, 9);
  });

  test("A100 it holds the binary and its links, and no place that is a link elsewhere, by whichever way it is made", {
    timeout: TEST_LIMIT_MS,
  }, async () => {
    await buildInitImage(setup.engine);
    const both = `COPY --from=${BY_DOCKERFILE} / /a/\nCOPY --from=${INIT_IMAGE} / /b/`;
    const image = await build("list", `FROM ${await debian()}\n${both}\nCMD ["true"]`);
    const list = 'find . ! -type d -printf "%M %u:%g %P %l\\n" | sort -k 3';
    const { stdout } = await runContainer(setup.engine, [
      image,
      "sh",
      "-c",
      `for d in a b; do (cd /$d && ${list}); done`,
    ]);
    const names = [...INIT_COMMANDS, "shipshape"].sort();
    const lines = names.map((name) =>
      name === "shipshape"
        ? `-rwxr-xr-x root:root usr/bin/${name} \n`
        : `lrwxrwxrwx root:root usr/bin/${name} shipshape\n`,
    );
    equal(stdout, [...lines, ...lines].join(""));
  });
});

/** Node.js 20 of Debian 13, with npm and the settings by which this machine's npm finds its registry. */
async function buildNodeImage(engine: HostEngine): Promise<void> {
  const setting = async (name: string): Promise<string> =>
    (await runOrThrow("ask npm", "npm", ["config", "get", name])).stdout.trim();
  const directory = mkdtempSync(join(tmpdir(), "shipshape-node-"));
  try {
    await runOrThrow(`fetch ${NPM}`, "npm", ["pack", "--silent", "--pack-destination", directory, NPM]);
    renameSync(join(directory, readdirSync(directory)[0] ?? ""), join(directory, "npm.tgz"));
    const authorities = await setting("cafile");
    writeFileSync(join(directory, "ca.pem"), authorities === "null" ? "" : readFileSync(authorities));
    const lines = [
      `FROM ${await baseImage(engine, "trixie")}`,
      "RUN apt-get -q update && apt-get -qy --no-install-recommends install nodejs ca-certificates",
      "ADD npm.tgz /opt/",
      "RUN chmod +x /opt/package/bin/npm-cli.js && ln -s /opt/package/bin/npm-cli.js /usr/bin/npm",
      `ENV NPM_CONFIG_REGISTRY=${await setting("registry")}`,
      ...(authorities === "null" ? [] : ["COPY ca.pem /opt/ca.pem", "ENV NPM_CONFIG_CAFILE=/opt/ca.pem"]),
    ];
    writeFileSync(join(directory, "Dockerfile"), `${lines.join("\n")}\n`);
    await engine.runOrThrow(`build ${NODE_IMAGE}`, ["build", "--tag", NODE_IMAGE, ...engine.buildArgs, directory], {
      timeoutMs: SETUP_LIMIT_MS,
      logPath: logPath("build-test-node"),
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
