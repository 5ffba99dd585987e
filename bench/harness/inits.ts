import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { hostArch } from "../../tools/runtime/arch.ts";
import { top } from "../../tools/setup/places.ts";

/** Something that can be PID 1 of a container. */
export interface Init {
  readonly name: string;
  /** What it is called in the report. */
  readonly label: string;
  /** Whether it starts services from a description; the others run one command. */
  readonly supervises: boolean;
  /** The programs that make it up: what its size is measured on. */
  readonly programs: readonly string[];
  /** Where it looks for the descriptions of its services; absent when that is one file. */
  readonly scans?: string;
  /** Shell lines that lay out what its documentation asks for, before the clock starts. @param count services */
  prepare(count: number): readonly string[];
  /**
   * Its command line, an absolute path first.
   * @param command the one command to run, for those that do not supervise
   */
  argv(count: number, command: string): readonly string[];
  /** The signal that stops it, when it is not TERM. */
  readonly stopSignal?: number;
  /** The version it tells, or that of its Debian package. */
  version(): string;
}

function debianVersion(name: string): string {
  return execFileSync("dpkg-query", ["-W", name], { encoding: "utf8" }).split("\t")[1]?.trim() ?? "";
}

/** `bench/fixture/floor.c`: what starting and stopping costs the kernel alone; no init can go below. */
export const floor: Init = {
  name: "floor",
  label: "*floor: a loop in C*",
  supervises: true,
  programs: [],
  prepare: () => [],
  argv: (count, command) => [join(dirname(command), "floor"), String(count), command],
  version: () => "",
};

export const tini: Init = {
  name: "tini",
  label: "tini",
  supervises: false,
  programs: ["/usr/bin/tini"],
  prepare: () => [],
  argv: (_count, command) => ["/usr/bin/tini", "--", command],
  version: () => debianVersion("tini"),
};

export const dumbInit: Init = {
  name: "dumb-init",
  label: "dumb-init",
  supervises: false,
  programs: ["/usr/bin/dumb-init"],
  prepare: () => [],
  argv: (_count, command) => ["/usr/bin/dumb-init", "--", command],
  version: () => debianVersion("dumb-init"),
};

export const runit: Init = {
  name: "runit",
  label: "runit (under tini)",
  supervises: true,
  scans: "/etc/service",
  programs: ["/usr/bin/tini", "/usr/bin/runsvdir", "/usr/bin/runsv"],
  prepare: () => [],
  argv: () => ["/usr/bin/tini", "--", "/usr/bin/runsvdir", "-P", "/etc/service"],
  version: () => debianVersion("runit"),
};

/** With `STOPSIGNAL SIGHUP` in the Dockerfile: runsvdir then tells every runsv before it ends. */
export const runitHup: Init = { ...runit, name: "runit-hup", label: "runit, `STOPSIGNAL SIGHUP`", stopSignal: 1 };

export const s6: Init = {
  name: "s6",
  label: "s6 (s6-svscan as PID 1)",
  supervises: true,
  scans: "/run/service",
  programs: ["/usr/bin/s6-svscan", "/usr/bin/s6-supervise"],
  // Its documentation asks for a scan directory on a tmpfs; it says nothing when -c (500 by default) leaves services out.
  prepare: () => ["cp -a /etc/service /run/service"],
  argv: (count) => ["/usr/bin/s6-svscan", "-c", String(Math.max(500, count)), "/run/service"],
  version: () => debianVersion("s6"),
};

export const supervisord: Init = {
  name: "supervisord",
  label: "supervisord",
  supervises: true,
  programs: ["/usr/bin/python3"],
  prepare: () => [],
  argv: () => ["/usr/bin/python3", "/usr/bin/supervisord", "-c", "/etc/supervisord.conf"],
  version: () => debianVersion("supervisor"),
};

/** `npm run build:runtime` makes it. */
export const shipshapeBinary = join(top, "dist", "runtime", hostArch(), "shipshape");

export const shipshape: Init = {
  name: "shipshape",
  label: "**shipshape**",
  supervises: true,
  scans: "/etc/service",
  programs: [shipshapeBinary],
  prepare: () => [],
  argv: () => [shipshapeBinary, "my_init"],
  version: () => execFileSync("git", ["-C", top, "describe", "--always", "--dirty"], { encoding: "utf8" }).trim(),
};

/** Debian packages that hold the peers and what the bench needs to build its fixtures. */
export const debianPackages: readonly string[] = [
  "gcc",
  "musl-tools",
  "util-linux",
  "tini",
  "dumb-init",
  "runit",
  "s6",
  "supervisor",
];

/** The dynamic libraries a program maps and its loader, by the names that it looks for. */
export function librariesOf(program: string): string[] {
  let listing: string;
  try {
    listing = execFileSync("ldd", [program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return []; // static
  }
  const paths = listing.split("\n").map((line) => line.slice(line.indexOf("/")).split(" (")[0] ?? "");
  return paths.filter((path) => path.startsWith("/") && existsSync(path));
}
