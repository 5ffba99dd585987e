/** A Debian architecture we build for. */
export type Arch = "amd64" | "arm64";

export interface Toolchain {
  /** Debian package of the compiler that builds for it on another architecture. */
  readonly crossPackage: string;
  readonly crossCompiler: string;
  /** Name of its directories in Debian's musl package. */
  readonly musl: string;
  /** As `uname -m` says it. */
  readonly machine: string;
  readonly flags: readonly string[];
  /** Runs its programs on another architecture, from Debian's qemu-user-static. */
  readonly emulator: string;
}

export const toolchains: Readonly<Record<Arch, Toolchain>> = {
  amd64: {
    crossPackage: "gcc-x86-64-linux-gnu",
    crossCompiler: "x86_64-linux-gnu-gcc",
    musl: "x86_64-linux-musl",
    machine: "x86_64",
    flags: [],
    emulator: "qemu-x86_64-static",
  },
  arm64: {
    crossPackage: "gcc-aarch64-linux-gnu",
    crossCompiler: "aarch64-linux-gnu-gcc",
    musl: "aarch64-linux-musl",
    machine: "aarch64",
    // Out-of-line atomics ask glibc at run time which instructions there are.
    flags: ["-mno-outline-atomics"],
    emulator: "qemu-aarch64-static",
  },
};

/** This machine's architecture. @throws on one that we do not build for */
export function hostArch(): Arch {
  if (process.arch === "x64") return "amd64";
  if (process.arch === "arm64") return "arm64";
  throw new Error(`cannot build on ${process.arch}: only amd64 and arm64 machines are supported`);
}
