import { run } from "../../host/command.ts";
import { dockerAt, findHostEngine, type HostEngine, wantsHostEngine } from "../../host/engines/host-engine.ts";
import { needDebianPackages } from "../debian.ts";
import { say } from "../setup/places.ts";
import { startDockerDaemon } from "./docker-daemon.ts";

/**
 * Gives a container engine to `use`: the Docker or Podman that runs on this machine, else a Docker daemon started for the time of
 * the call (its packages are installed first) with data, socket and pid file of its own. It is stopped at the end, also after a
 * failure or Ctrl-C. `SHIPSHAPE_ENGINE=docker` or `podman` leaves the other one out.
 */
export async function withEngine<T>(use: (engine: HostEngine) => Promise<T>): Promise<T> {
  const { engine, close } = await openEngine();
  try {
    return await use(engine);
  } finally {
    await close();
  }
}

/** As {@link withEngine}, for those who cannot put their work into one function: they must call `close`. */
export async function openEngine(): Promise<{ engine: HostEngine; close: () => Promise<void> }> {
  const running = await findHostEngine();
  if (running !== null) return { engine: running, close: async () => {} };

  if (!wantsHostEngine("docker"))
    throw new Error("cannot use podman: it does not start a container here; `podman run` says why");
  await needDocker();
  const daemon = await startDockerDaemon();
  const engine = await dockerAt({ DOCKER_HOST: daemon.host }, daemon.buildArgs);
  if (engine !== null) return { engine, close: daemon.stop };
  await daemon.stop();
  throw new Error("cannot use the Docker daemon just started: `docker version` does not succeed");
}

async function needDocker(): Promise<void> {
  say("no container engine answers: a Docker daemon is started for this run");
  const has = async (program: string): Promise<boolean> => (await run(program, ["--version"])).code === 0;
  if (!(await has("dockerd"))) await needDebianPackages(["docker.io"]);
  // In Debian 13 the client is a package of its own.
  if (!(await has("docker"))) await needDebianPackages(["docker-cli"]);
}
