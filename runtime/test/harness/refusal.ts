/** Error numbers of amd64 and arm64 that seccomp profiles and old kernels answer with. */
const ERRNO = { EPERM: 1, ENOSYS: 38 } as const;

/** System calls that hosts refuse: their numbers on amd64 and arm64. Those without a number on arm64 do not exist there. */
const CALLS = {
  memfd_create: [319, 279],
  execveat: [322, 281],
  close_range: [436, 436],
  faccessat2: [439, 439],
} as const;

/** Numbers of architectures as `process.arch` names them: column of {@link CALLS}, prctl(2), audit architecture, first call of Linux 3.17. */
const MACHINES: Readonly<Record<string, { column: 0 | 1; prctl: number; audit: number; since317: number }>> = {
  x64: { column: 0, prctl: 157, audit: 0xc000003e, since317: 317 },
  arm64: { column: 1, prctl: 167, audit: 0xc00000b7, since317: 277 },
};

/** Every call that Linux 3.17 and later ones brought, whoever makes it. */
export const NEWER = "every call since Linux 3.17";
export type Refused = keyof typeof CALLS | typeof NEWER;
export type RefusalErrno = keyof typeof ERRNO;

/** A seccomp filter of a box: the kernel answers `call` with `errno` instead of making it. */
export interface Refusal {
  readonly call: Refused;
  readonly errno: RefusalErrno;
}

export const REFUSED = [...(Object.keys(CALLS) as (keyof typeof CALLS)[]), NEWER] as const;
export const REFUSAL_ERRNOS = Object.keys(ERRNO) as RefusalErrno[];
/** Why no filter can be made on this machine, or `null`. */
export const NO_REFUSAL = MACHINES[process.arch] === undefined ? `no numbers of system calls of ${process.arch}` : null;

/** The filter that `SHIPSHAPE_REFUSE=CALL:ERRNO` asks for in all boxes of a run (`newer` for all new calls), if any. */
export function refusalOfRun(text = process.env.SHIPSHAPE_REFUSE ?? ""): Refusal | undefined {
  if (text === "") return undefined;
  const [name, errno] = text.split(":");
  const call = name === "newer" ? NEWER : REFUSED.find((known) => known === name);
  const known = REFUSAL_ERRNOS.find((one) => one === errno);
  if (call === undefined || known === undefined)
    throw new Error(
      `cannot understand SHIPSHAPE_REFUSE="${text}": write CALL:ERRNO, with a call of ${REFUSED.join(", ")}`,
    );
  return { call, errno: known };
}

/** Perl that installs the filter in argument 1 as root may, without losing set-user-ID programs, and becomes the rest. */
const INSTALL = `my ($prctl, $filter) = (shift, pack("H*", shift));
syscall($prctl, 22, 2, pack("Sx![P]P", length($filter) / 8, $filter)) == 0 or die "seccomp: $!";
exec @ARGV or die "exec: $!"`;

/** What is put before a command so that it, and all that it starts, runs under the filter. @see seccomp(2) */
export function refusing({ call, errno }: Refusal): string[] {
  const machine = MACHINES[process.arch];
  if (machine === undefined) throw new Error(`cannot refuse ${call}: ${NO_REFUSAL}`);
  const [compare, number] = call === NEWER ? [0x35, machine.since317] : [0x15, CALLS[call][machine.column]];
  const filter = [
    // The architecture first: other ones have other numbers.
    [0x20, 0, 0, 4],
    [0x15, 0, 3, machine.audit],
    [0x20, 0, 0, 0],
    [compare, 0, 1, number],
    [0x06, 0, 0, 0x50000 | ERRNO[errno]],
    [0x06, 0, 0, 0x7fff0000],
  ];
  return ["perl", "-e", INSTALL, String(machine.prctl), Buffer.concat(filter.map(instruction)).toString("hex")];
}

/** One instruction as the kernel takes it. @see struct sock_filter in linux/filter.h */
function instruction([code = 0, jumpTrue = 0, jumpFalse = 0, value = 0]: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(jumpTrue, 2);
  bytes.writeUInt8(jumpFalse, 3);
  bytes.writeUInt32LE(value, 4);
  return bytes;
}
