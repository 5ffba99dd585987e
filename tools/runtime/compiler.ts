import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runOrThrow } from "../../host/command.ts";
import { needDebianPackages } from "../debian.ts";
import { top } from "../setup/places.ts";
import { type Arch, hostArch, toolchains } from "./arch.ts";
import { cached, digest } from "./cached.ts";
import { callsHeader, systemCalls } from "./calls.ts";
import { freeze } from "./freeze.ts";
import type { Sources } from "./sources.ts";

/** `asan`: address and undefined-behaviour sanitizers with glibc. `gcstress`: a garbage collection at every allocation. */
export const variants = ["release", "asan", "gcstress"] as const;
export type Variant = (typeof variants)[number];

export interface Target {
  readonly arch: Arch;
  readonly variant: Variant;
}

const nativeDir = join(top, "runtime/native");
const COMPILE_LIMIT_MS = 10 * 60_000;
const QUICKJS_FILES = ["quickjs.c", "libregexp.c", "libunicode.c", "cutils.c", "dtoa.c"];
const QJSC_FILES = ["qjsc.c", "quickjs-libc.c"];
const OUR_WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror"];
/** Keeps the builder's paths out of `__FILE__`: every checkout builds the same binary. */
const NO_PATHS = "-fmacro-prefix-map";
const LEAN = [
  "-ffunction-sections",
  "-fdata-sections",
  "-fno-asynchronous-unwind-tables",
  "-fno-pie",
  "-fno-stack-protector",
];

/** Compiles and links for one target. Every object file is kept by the digest of what it is made from. */
export class Compiler {
  readonly #sources: Sources;
  readonly #target: Target;
  readonly #gcc: string;

  /** Installs the compiler when it is missing. */
  static async for(sources: Sources, target: Target): Promise<Compiler> {
    const { crossPackage, crossCompiler } = toolchains[target.arch];
    const native = target.arch === hostArch();
    if (target.variant === "asan" && !native)
      throw new Error(`cannot build asan for ${target.arch}: only this machine's own architecture`);
    const packages = [native ? "gcc" : crossPackage];
    if (target.variant === "asan") packages.push("libc6-dev");
    await needDebianPackages(packages);
    return new Compiler(sources, target, native ? "gcc" : crossCompiler);
  }

  private constructor(sources: Sources, target: Target, gcc: string) {
    this.#sources = sources;
    this.#target = target;
    this.#gcc = gcc;
  }

  /** The program that turns JavaScript into bytecode; only for the architecture of this machine. */
  async qjsc(): Promise<string> {
    const objects = await Promise.all([...QUICKJS_FILES, ...QJSC_FILES].map((name) => this.#quickjs(name)));
    return this.#link("qjsc", objects);
  }

  /** The runtime's binary. @param applets text of applets.c */
  async runtime(applets: string): Promise<string> {
    const table = await cached("applets.c", digest(applets), async (path) => writeFileSync(path, applets));
    const ours = readdirSync(nativeDir).filter((name) => name.endsWith(".c"));
    const objects = await Promise.all([
      ...QUICKJS_FILES.map((name) => this.#quickjs(name)),
      ...ours.map((name) => this.#own(join(nativeDir, name), name)),
      this.#own(table, "applets.c"),
    ]);
    return this.#link("shipshape", objects);
  }

  /** That binary with the heap of an applet whose script is evaluated. @param bytecode file of that script */
  async freeze(linked: string, applet: string, bytecode: string): Promise<string> {
    const native = this.#target.arch === hostArch();
    if (!native) await needDebianPackages(["qemu-user-static"]);
    const runner = native ? [] : [toolchains[this.#target.arch].emulator];
    return cached("frozen", digest("freeze", linked, bytecode), async (output) =>
      freeze([...runner, linked, "--freeze", applet], bytecode, linked, output),
    );
  }

  async #quickjs(name: string): Promise<string> {
    const version = readFileSync(join(this.#sources.quickjs, "VERSION"), "utf8").trim();
    const flags = ["-w", `-DCONFIG_VERSION="${version}"`, "-D_GNU_SOURCE", "-fwrapv", "-funsigned-char"];
    if (this.#target.variant === "gcstress") flags.push("-DFORCE_GC_AT_MALLOC");
    // The sources never change under one path: it stands for their content.
    const path = join(this.#sources.quickjs, name);
    return this.#object(path, digest(path), [...flags, ...this.#variantFlags("-fsanitize=address")]);
  }

  async #own(path: string, name: string): Promise<string> {
    const calls = callsHeader(systemCalls(readFileSync(join(top, "runtime/src/sys.ts"), "utf8")));
    const generated = await cached("include", digest(calls), async (dir) => {
      mkdirSync(dir);
      writeFileSync(join(dir, "calls.h"), calls);
    });
    const header = readFileSync(join(nativeDir, "native.h"));
    const machine = `-DMACHINE="${toolchains[this.#target.arch].machine}"`;
    const flags = [...OUR_WARNINGS, machine, "-isystem", this.#sources.quickjs, "-I", nativeDir, "-I", generated];
    const sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    return this.#object(path, digest(name, header, readFileSync(path)), [...flags, ...this.#variantFlags(...sanitize)]);
  }

  #variantFlags(...sanitize: readonly string[]): string[] {
    if (this.#target.variant === "asan") return ["-O1", "-g", "-fno-omit-frame-pointer", ...sanitize];
    return ["-Os", ...LEAN, ...toolchains[this.#target.arch].flags, ...this.#muslHeaders()];
  }

  #muslHeaders(): string[] {
    const { musl } = toolchains[this.#target.arch];
    return [
      "-nostdinc",
      "-isystem",
      join(this.#sources.musl[this.#target.arch], "usr/include", musl),
      "-isystem",
      "GCC_INCLUDE",
    ];
  }

  async #object(path: string, content: string, flags: readonly string[]): Promise<string> {
    const key = digest(this.#gcc, content, NO_PATHS, ...flags);
    const name = path.slice(path.lastIndexOf("/") + 1).replace(/^[0-9a-f]{24}-/, "");
    return cached(`${name}.o`, key, async (output) => {
      const include = await this.#gccFile("include");
      const args = flags.map((flag) => (flag === "GCC_INCLUDE" ? include : flag));
      const options = { timeoutMs: COMPILE_LIMIT_MS };
      args.push(`${NO_PATHS}=${dirname(path)}/=`);
      await runOrThrow(`compile ${name}`, this.#gcc, [...args, "-c", path, "-o", output], options);
    });
  }

  async #link(name: string, objects: readonly string[]): Promise<string> {
    const args = this.#target.variant === "asan" ? this.#linkSanitized(objects) : await this.#linkMusl(objects);
    return cached(name, digest(this.#gcc, ...args), async (output) => {
      await runOrThrow(`link ${name}`, this.#gcc, [...args, "-o", output], { timeoutMs: COMPILE_LIMIT_MS });
    });
  }

  #linkSanitized(objects: readonly string[]): string[] {
    return ["-fsanitize=address,undefined", ...objects, "-lm", "-lpthread", "-ldl"];
  }

  async #linkMusl(objects: readonly string[]): Promise<string[]> {
    const lib = join(this.#sources.musl[this.#target.arch], "usr/lib", toolchains[this.#target.arch].musl);
    const crt = (name: string) => join(lib, name);
    return [
      ...["-static", "-no-pie", "-nostdlib", "-Wl,--gc-sections,--build-id=none,-z,noexecstack,-z,norelro", "-s"],
      ...[
        crt("crt1.o"),
        crt("crti.o"),
        ...objects,
        crt("libc.a"),
        await this.#gccFile("libgcc.a"),
        crt("libc.a"),
        crt("crtn.o"),
      ],
    ];
  }

  async #gccFile(name: string): Promise<string> {
    return (await runOrThrow(`find gcc's ${name}`, this.#gcc, [`-print-file-name=${name}`])).stdout.trim();
  }
}

/** The directory of a target's binary. */
export function dist({ arch, variant }: Target): string {
  return join(top, "dist/runtime", variant === "release" ? arch : `${arch}-${variant}`);
}
