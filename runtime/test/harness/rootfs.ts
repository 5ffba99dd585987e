import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** A file to put into a box: its content (mode 0644), or a description. `null` takes away what would be there by default. */
export type FileSpec = string | Buffer | FileDescription | null;

/** What a file, directory or link in a box is like. */
export interface FileDescription {
  readonly content?: string | Buffer;
  /** Permission bits; 0644 for files and 0755 for directories when left out. */
  readonly mode?: number;
  /** User and group id. */
  readonly owner?: number;
  /** Makes it a symbolic link to this. */
  readonly link?: string;
  readonly directory?: true;
}

/** A service directory. Scripts without a `#!` line get `#!/bin/sh`. */
export interface ServiceSpec {
  readonly run?: string;
  readonly finish?: string;
  readonly check?: string;
  /** `log/run`. */
  readonly log?: string;
  readonly down?: true;
  /** Content of the file `user`. */
  readonly user?: string;
  /** Scripts of `control/`, by their one-letter names. */
  readonly control?: Readonly<Record<string, string>>;
  /** Further files, by their path below the service directory. */
  readonly files?: Readonly<Record<string, FileSpec>>;
}

/** An executable file with this text; `#!/bin/sh` is added to a text without a `#!` line. */
export function script(text: string): FileDescription {
  return { content: text.startsWith("#!") ? text : `#!/bin/sh\n${text}\n`, mode: 0o755 };
}

/** The files of a service directory at `directory`. */
export function serviceFiles(directory: string, service: ServiceSpec): Record<string, FileSpec> {
  const files: Record<string, FileSpec> = { [directory]: { directory: true } };
  for (const name of ["run", "finish", "check"] as const) {
    const text = service[name];
    if (text !== undefined) files[`${directory}/${name}`] = script(text);
  }
  if (service.log !== undefined) files[`${directory}/log/run`] = script(service.log);
  if (service.down) files[`${directory}/down`] = "";
  if (service.user !== undefined) files[`${directory}/user`] = service.user;
  for (const [name, text] of Object.entries(service.control ?? {}))
    files[`${directory}/control/${name}`] = script(text);
  for (const [name, file] of Object.entries(service.files ?? {})) files[`${directory}/${name}`] = file;
  return files;
}

/** Puts `file` at `path` (absolute, as the box sees it) below `root`, with the directories that lead there. */
export function place(root: string, path: string, file: FileSpec): void {
  const target = join(root, path);
  if (file === null) {
    rmSync(target, { recursive: true, force: true });
    return;
  }
  const description: FileDescription = typeof file === "string" || Buffer.isBuffer(file) ? { content: file } : file;
  mkdirSync(dirname(target), { recursive: true });
  if (description.directory) {
    mkdirSync(target, { recursive: true });
    chmodSync(target, description.mode ?? 0o755);
  } else if (description.link !== undefined) {
    rmSync(target, { force: true });
    symlinkSync(description.link, target);
  } else {
    writeFileSync(target, description.content ?? "");
    chmodSync(target, description.mode ?? 0o644);
  }
  if (description.owner !== undefined && description.link === undefined) {
    chownSync(target, description.owner, description.owner);
  }
}

const PASSWD = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
app:x:1000:1000:The app,,,:/home/app:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`;

const GROUP = `root:x:0:
daemon:x:1:
adm:x:4:app
tty:x:5:
www-data:x:33:
users:x:100:app
app:x:1000:
docker_env:x:8377:
nogroup:x:65534:
`;

/** What every box starts from: a small /etc, the contract's directories, and places to mount on. */
const BASE: Readonly<Record<string, FileSpec>> = {
  "/etc/passwd": PASSWD,
  "/etc/group": GROUP,
  "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
  "/etc/hosts": "127.0.0.1 localhost box\n",
  "/etc/alternatives": { directory: true },
  "/etc/my_init.d": { directory: true },
  "/etc/my_init.pre_shutdown.d": { directory: true },
  "/etc/my_init.post_shutdown.d": { directory: true },
  "/etc/my_init.signal.d": { directory: true },
  "/etc/service": { directory: true },
  "/etc/container_environment": { directory: true, mode: 0o700 },
  "/home/app": { directory: true, owner: 1000 },
  "/root": { directory: true, mode: 0o700 },
  "/tmp": { directory: true, mode: 0o1777 },
  "/var/tmp": { directory: true, mode: 0o1777 },
  "/var/log": { directory: true },
  "/run": { directory: true },
  "/dev": { directory: true },
  "/proc": { directory: true },
  "/usr": { directory: true },
  "/sbin/shipshape": { content: "", mode: 0o755 },
  "/sbin/my_init": { link: "shipshape" },
  "/sbin/sv": { link: "shipshape" },
  "/sbin/setuser": { link: "shipshape" },
  "/sbin/chpst": { link: "shipshape" },
};

/** A file system to mount in a box. */
export interface Mount {
  /** As in fstab(5); `box:/PATH` is a path of the box. */
  readonly source: string;
  /** Where, as the box sees it. */
  readonly at: string;
  readonly type?: string;
  readonly options?: string;
}

/**
 * Lays out `BOX/root` and writes `BOX/fstab`, the mounts that make it a container's file system.
 * @param binary the multi-call binary that becomes /sbin/my_init and its siblings
 */
export function layOut(
  box: string,
  binary: string,
  files: Readonly<Record<string, FileSpec>>,
  mounts: readonly Mount[],
  readOnly: boolean,
): void {
  const root = join(box, "root");
  for (const [path, file] of Object.entries(BASE)) place(root, path, file);
  for (const directory of ["bin", "lib", "lib32", "lib64"]) {
    if (existsSync(`/${directory}`)) place(root, `/${directory}`, { link: mergedUsr(directory) });
  }
  for (const [path, file] of Object.entries(files)) place(root, path, file);
  const all: Mount[] = [
    { source: "box:/", at: "/", type: "none", options: "bind" },
    { source: "/usr", at: "/usr", type: "none", options: "bind,ro" },
    { source: binary, at: "/sbin/shipshape", type: "none", options: "bind,ro" },
    // First in PATH, so that a host's own sv and chpst are not found.
    { source: "box:/sbin", at: "/usr/local/sbin", type: "none", options: "rbind" },
    ...["ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives"].flatMap((name) => bindFromEtc(root, name)),
    { source: "proc", at: "/proc", type: "proc" },
    { source: "tmpfs", at: "/dev", type: "tmpfs", options: "mode=755" },
    { source: "/dev/pts", at: "/dev/pts", type: "none", options: "bind,X-mount.mkdir" },
    { source: "tmpfs", at: "/dev/shm", type: "tmpfs", options: "mode=1777,X-mount.mkdir" },
    ...mounts,
    ...(readOnly ? [{ source: "none", at: "/", type: "none", options: "remount,bind,ro" }] : []),
  ];
  const lines = all.map((mount) => fstabLine(root, mount));
  writeFileSync(join(box, "fstab"), lines.join(""));
}

function fstabLine(root: string, { source, at, type, options }: Mount): string {
  const device = source.startsWith("box:") ? join(root, source.slice(4)) : source;
  return `${device} ${join(root, at)} ${type ?? source} ${options ?? "defaults"} 0 0\n`;
}

function mergedUsr(directory: string): string {
  if (!lstatSync(`/${directory}`).isSymbolicLink())
    throw new Error(`cannot lay out a box: /${directory} is not a link into /usr`);
  return readlinkSync(`/${directory}`);
}

function bindFromEtc(root: string, name: string): Mount[] {
  if (!existsSync(`/etc/${name}`)) return [];
  if (lstatSync(`/etc/${name}`).isFile()) place(root, `/etc/${name}`, "");
  else place(root, `/etc/${name}`, { directory: true });
  return [{ source: `/etc/${name}`, at: `/etc/${name}`, type: "none", options: "bind,ro" }];
}
