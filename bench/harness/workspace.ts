import { execFileSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { top } from "../../tools/setup/places.ts";

const tmpfsMagic = 0x01021994;
/** When the image was made: runsvdir waits a second when its directory was changed in the current one. */
const imageDate = new Date("2025-01-01T00:00:00Z");

/** The programs of `bench/fixture/`. */
export type Fixture = "stage" | "service" | "orphans" | "floor" | "launch" | "syslog" | "ready";
const fixtures: readonly Fixture[] = ["stage", "service", "orphans", "floor", "launch", "syslog", "ready"];

/**
 * What every measurement shares: the compiled fixtures, `/etc` trees by number of services, and copies of the measured programs
 * and their libraries that nothing else on this machine maps.
 */
export class Workspace {
  /** On a disk: pages of a tmpfs always count as dirty, and would be told as memory that a program has written to. */
  readonly directory: string;
  /** On a tmpfs: boards. */
  readonly memory: string;
  readonly #copies = new Map<string, string>();
  #scratches = 0;

  /** @throws when the fixtures cannot be compiled, or `dist` lies on a tmpfs */
  constructor() {
    const dist = join(top, "dist");
    mkdirSync(dist, { recursive: true });
    if (statfsSync(dist).type === tmpfsMagic) {
      throw new Error(
        `cannot measure memory with ${dist} on a tmpfs: its pages count as dirty; use a clone that lies on a disk`,
      );
    }
    this.directory = mkdtempSync(join(dist, "bench-"));
    this.memory = mkdtempSync("/dev/shm/shipshape-bench-");
    for (const name of ["scratch", "log", "copy"]) mkdirSync(join(this.directory, name));
    for (const name of fixtures) {
      const source = join(top, "bench", "fixture", `${name}.c`);
      // musl: a service that starts in 90 µs where static glibc takes 300 hides less of what the init does
      execFileSync("musl-gcc", ["-static", "-O2", "-Wall", "-Wextra", "-o", this.fixture(name), source], {
        stdio: "inherit",
      });
    }
  }

  /** A new empty directory on the disk. */
  scratch(): string {
    const directory = join(this.directory, "scratch", String(this.#scratches++));
    mkdirSync(directory);
    return directory;
  }

  fixture(name: Fixture): string {
    return join(this.directory, name);
  }

  /**
   * A file's copy on the disk, written out (a page that waits for the disk counts as dirty too). Memory that a program shares with
   * the same program or library elsewhere on the machine would be divided between them; a container that runs alone shares with nobody.
   */
  copyOf(path: string, name = basename(path)): string {
    const known = this.#copies.get(path);
    if (known !== undefined) return known;
    const directory = join(this.directory, "copy", String(this.#copies.size));
    mkdirSync(directory);
    const copy = join(directory, name);
    copyFileSync(path, copy);
    const fd = openSync(copy, "r");
    fsyncSync(fd);
    closeSync(fd);
    this.#copies.set(path, copy);
    return copy;
  }

  /** An `/etc` as an image has it, with `count` services whose `run` is the given fixture. */
  etc(count: number, fixture: Fixture): string {
    const etc = join(this.directory, `etc-${count}-${fixture}`);
    if (existsSync(etc)) return etc;
    for (const name of ["service", "my_init.d", "container_environment"])
      mkdirSync(join(etc, name), { recursive: true });
    for (const name of ["passwd", "group", "nsswitch.conf", "ld.so.cache"]) {
      if (existsSync(join("/etc", name))) copyFileSync(join("/etc", name), join(etc, name));
    }
    for (let i = 0; i < count; i++) {
      const service = join(etc, "service", `service-${String(i).padStart(4, "0")}`);
      mkdirSync(service);
      symlinkSync(this.fixture(fixture), join(service, "run"));
    }
    writeFileSync(join(etc, "supervisord.conf"), supervisordConfig(count, this.fixture(fixture)));
    utimesSync(join(etc, "service"), imageDate, imageDate);
    return etc;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(this.memory, { recursive: true, force: true });
  }
}

/** supervisord in the foreground, without log files, captured output and its HTTP server: what costs it time that others do not spend. */
function supervisordConfig(count: number, command: string): string {
  return `[supervisord]
nodaemon=true
user=root
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/supervisord.pid
minfds=8192

[program:service]
command=${command}
process_name=%(process_num)04d
numprocs=${Math.max(count, 1)}
stdout_logfile=NONE
stderr_logfile=NONE
`;
}
