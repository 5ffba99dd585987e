import { copyFileSync, cpSync, existsSync, mkdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { runOrThrow } from "../../host/command.ts";
import type { HostEngine } from "../../host/engines/host-engine.ts";
import { Board, EVENT_LIMIT_MS, Kind } from "./board.ts";
import { type Init, librariesOf } from "./inits.ts";
import type { Workspace } from "./workspace.ts";

/** Where the board is in the container. */
const boardPath = "/board";

/**
 * An image without a base: the inits' programs with their libraries, the fixtures, and an `/etc` with services.
 *
 * @returns its name, to be removed by the caller
 */
export async function makeImage(
  engine: HostEngine,
  workspace: Workspace,
  inits: readonly Init[],
  services: number,
): Promise<string> {
  const root = join(workspace.directory, `root-${services}`);
  const add = (path: string): void => {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(realpathSync(path), join(root, path));
  };
  for (const program of inits.flatMap((init) => init.programs)) {
    for (const path of [program, ...librariesOf(program)]) if (!existsSync(join(root, path))) add(path);
  }
  for (const fixture of ["launch", "service", "floor"] as const) add(workspace.fixture(fixture));
  for (const name of ["run", "proc", "dev", "sys", "tmp"]) mkdirSync(join(root, name), { recursive: true });
  const copy = { recursive: true, preserveTimestamps: true, verbatimSymlinks: true };
  cpSync(workspace.etc(services, "service"), join(root, "etc"), copy);

  const archive = join(workspace.directory, `root-${services}.tar`);
  await runOrThrow("pack an image", "tar", ["-C", root, "-cf", archive, "."]);
  const name = `shipshape-bench:${process.pid}-${services}`;
  await engine.runOrThrow("import an image", ["import", archive, name], { timeoutMs: EVENT_LIMIT_MS });
  return name;
}

/** Runs an init in a container until all services are up. @returns from its exec to the exec of the last service, in nanoseconds */
export async function bootInContainer(
  engine: HostEngine,
  workspace: Workspace,
  image: string,
  init: Init,
  services: number,
): Promise<number> {
  const board = new Board(join(workspace.memory, `container-${init.name}`));
  const command = [workspace.fixture("launch"), ...init.argv(services, workspace.fixture("service"))];
  const options = ["--network", "none", "-v", `${board.path}:${boardPath}`, "-e", `BENCH_BOARD=${boardPath}`];
  const started = await engine.runOrThrow("start a container", ["run", "-d", ...options, image, ...command]);
  const id = started.stdout.trim();
  try {
    if (!(await board.reaches(Kind.Started, services))) {
      const log = await engine.run(["logs", "--tail", "3", id]);
      const running = board.marks(Kind.Started).length;
      throw new Error(
        `cannot measure ${init.name} in a container: ${running} of ${services} run; ${log.stderr.trim()}`,
      );
    }
    const from = board.marks(Kind.Launched)[0];
    const last = board.marks(Kind.Started)[services - 1];
    if (from === undefined || last === undefined)
      throw new Error(`cannot time the boot of ${init.name}: no record of it`);
    return last.ns - from.ns;
  } finally {
    await engine.run(["rm", "-f", id], { timeoutMs: EVENT_LIMIT_MS });
    board.close();
  }
}
