import { equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { promisify } from "node:util";
import { type Container, type Stop, startContainer } from "../../../host/engines/container.ts";
import type { HostEngine } from "../../../host/engines/host-engine.ts";
import { buildBaseImage } from "../../../image/build.ts";
import { shows } from "../../../image/test/shows.ts";
import { stopSoon } from "../../../image/test/stops.ts";
import { openEngine } from "../../../tools/containers/open-engine.ts";
import { openPodman } from "../../../tools/containers/podman.ts";
import { logPath, top } from "../../../tools/setup/places.ts";

/** One of the images in one engine. */
export interface AcceptanceImage {
  /** Its name in the engine. */
  readonly name: string;
  readonly engine: HostEngine;
  /** Starts a container of it. @param options of `docker run` @param command what to run instead of the image's own */
  start(options?: readonly string[], command?: readonly string[]): Promise<Subject>;
}

/** A container under test. It is removed when the image's tests are over. */
export interface Subject extends Container {
  /** Waits until the log holds all of these. */
  shows(...texts: readonly (string | RegExp)[]): Promise<void>;
  /** Runs a shell script in it that has to succeed. @returns its stdout */
  sh(script: string): Promise<string>;
  /** The whole answer to a GET from inside, `""` when nobody listens. */
  get(port: number, path: string): Promise<string>;
  /** Stops it, which may take `limitMs` and then as long as the control. */
  stopSoon(limitMs: number): Promise<Stop>;
}

const SETUP_LIMIT_MS = 15 * 60_000;
const TESTS_LIMIT_MS = 15 * 60_000;

/** What the short form of `npm test` shows under Podman too: capabilities and logins, users, and a stop with an order. */
const SHORT_UNDER_PODMAN = new Set(["ssh", "environment", "database"]);

/**
 * Registers the same tests of `examples/acceptance/NAME` for Docker and for Podman. The image is built once and goes from one to
 * the other. With `SHIPSHAPE_ENGINE=podman` only the Podman of the machine is asked.
 */
export function accept(name: string, tests: (image: AcceptanceImage) => void): void {
  const tag = `shipshape/acceptance-${name}:latest`;
  let builder: Awaited<ReturnType<typeof openEngine>> | undefined;
  before(
    async () => {
      builder = await openEngine();
      await buildBaseImage(builder.engine);
      const directory = join(top, "examples/acceptance", name);
      await builder.engine.runOrThrow(`build ${tag}`, ["build", "--tag", tag, ...builder.engine.buildArgs, directory], {
        timeoutMs: SETUP_LIMIT_MS,
        logPath: logPath(`build-acceptance-${name}`),
      });
    },
    { timeout: SETUP_LIMIT_MS },
  );
  after(() => builder?.close());
  const built = (): HostEngine => {
    if (builder === undefined) throw new Error("the engine is there in tests only, not while they are registered");
    return builder.engine;
  };

  if (process.env.SHIPSHAPE_ENGINE === "podman") {
    tested(name, "Podman", tests, tag, async () => built());
    return;
  }
  tested(name, "Docker", tests, tag, async () => built());
  if (process.env.SHIPSHAPE_FORM === "short" && !SHORT_UNDER_PODMAN.has(name)) return;
  tested(name, "Podman", tests, tag, async () => {
    const podman = await openPodman();
    await transfer(tag, built(), podman);
    return podman;
  });
}

function tested(
  name: string,
  where: string,
  tests: (image: AcceptanceImage) => void,
  tag: string,
  open: () => Promise<HostEngine>,
): void {
  describe(`${name} under ${where}`, { timeout: SETUP_LIMIT_MS + TESTS_LIMIT_MS }, () => {
    let engine: HostEngine | undefined;
    const containers: Container[] = [];
    const opened = (): HostEngine => {
      if (engine === undefined) throw new Error("the engine is there in tests only");
      return engine;
    };
    before(
      async () => {
        engine = await open();
      },
      { timeout: SETUP_LIMIT_MS },
    );
    after(() => Promise.all(containers.map((container) => container.remove())));
    tests({
      name: tag,
      get engine() {
        return opened();
      },
      async start(options = [], command = []) {
        const container = await startContainer(opened(), [...options, tag, ...command]);
        containers.push(container);
        return subject(opened(), container);
      },
    });
  });
}

function subject(engine: HostEngine, container: Container): Subject {
  return {
    ...container,
    shows: (...texts) => shows(container, ...texts),
    stopSoon: (limitMs) => stopSoon(engine, container, limitMs),
    async sh(script) {
      const { code, stdout, stderr } = await container.exec(["sh", "-c", script]);
      equal(code, 0, `${script}\n${stdout}${stderr}${code === 0 ? "" : await container.logs()}`);
      return stdout;
    },
    async get(port, path) {
      const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf 'GET ${path} HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n' >&3 && cat <&3`;
      return (await container.exec(["bash", "-c", script])).stdout;
    },
  };
}

/** Copies an image from one engine to another, unless it is there. */
async function transfer(tag: string, from: HostEngine, to: HostEngine): Promise<void> {
  const id = async (engine: HostEngine): Promise<string> => {
    const { code, stdout } = await engine.run(["image", "inspect", "--format", "{{.Id}}", tag]);
    // Docker writes the algorithm before the digest.
    return code === 0 ? stdout.trim().replace("sha256:", "") : "";
  };
  if ((await id(from)) === (await id(to))) return;
  const script = `set -o pipefail; ${from.program} save "$1" | ${to.program} load`;
  await promisify(execFile)("bash", ["-c", script, "transfer", tag], {
    env: { ...process.env, ...from.env, ...to.env },
    timeout: SETUP_LIMIT_MS,
  });
  equal(await id(to), await id(from), `${tag} is another image after it was copied`);
}

/** Stops a container and asserts that everything in it ended by itself, in time and with status 0. @returns its whole log */
export async function stopsClean(container: Subject, limitMs = 4000): Promise<string> {
  const { exitCode } = await container.stopSoon(limitMs);
  const logs = await container.logs();
  equal(exitCode, 0, logs);
  match(logs, /^(?![\s\S]*killed: )/, "something had to be killed");
  return logs;
}
