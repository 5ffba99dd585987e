/** Error numbers of amd64 and arm64 that seccomp profiles and old kernels answer with. */
const ERRNO = { EPERM: 1, ENOSYS: 38 } as const;

/** Calls newer than Linux 3.16 that the runtime makes: their numbers on amd64 and arm64. */
const NEW_CALLS = {
  memfd_create: [319, 279],
  execveat: [322, 281],
  close_range: [436, 436],
  faccessat2: [439, 439],
} as const;
/** Older ones, which a host can refuse all the same. */
const CALLS = {
  ...NEW_CALLS,
  prctl: [157, 167],
  recvmmsg: [299, 243],
  signalfd4: [289, 74],
  splice: [275, 76],
} as const;

/** Numbers of architectures as `process.arch` names them: column of {@link CALLS}, prctl(2), audit architecture, first call of Linux 3.17. */
const MACHINES: Readonly<Record<string, { column: 0 | 1; prctl: number; audit: number; since317: number }>> = {
  x64: { column: 0, prctl: 157, audit: 0xc000003e, since317: 317 },
  arm64: { column: 1, prctl: 167, audit: 0xc00000b7, since317: 277 },
};

/** Every call that Linux has since 3.17, whoever makes it. */
export const NEWER = "every call since Linux 3.17";
export const REFUSED_NEW = [...(Object.keys(NEW_CALLS) as (keyof typeof NEW_CALLS)[]), NEWER] as const;
export const REFUSAL_ERRNOS = Object.keys(ERRNO) as (keyof typeof ERRNO)[];

/** A seccomp filter of a box: the kernel answers `call` with `errno` instead of making it. */
export interface Refusal {
  readonly call: keyof typeof CALLS | typeof NEWER;
  readonly errno: keyof typeof ERRNO;
}

/** Why no filter can be made on this machine, or `null`. */
export const NO_REFUSAL = MACHINES[process.arch] === undefined ? `no numbers of system calls of ${process.arch}` : null;

/** The filter that `SHIPSHAPE_REFUSE=CALL:ERRNO` asks for in every box of a run (`newer` is {@link NEWER}), if any. */
export function refusalOfRun(text = process.env.SHIPSHAPE_REFUSE ?? ""): Refusal | undefined {
  if (text === "") return undefined;
  const [name, errno] = text.replace(/^newer:/, `${NEWER}:`).split(":");
  const refusals = REFUSED_NEW.flatMap((call) => REFUSAL_ERRNOS.map((known) => ({ call, errno: known })));
  const found = refusals.find((refusal) => refusal.call === name && refusal.errno === errno);
  if (found === undefined) throw new Error(`cannot refuse "${text}": SHIPSHAPE_REFUSE is CALL:EPERM or CALL:ENOSYS`);
  return found;
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
