import type { Refusal } from "./refusal.ts";
import { type FileSpec, type Mount, type ServiceSpec, script, serviceFiles } from "./rootfs.ts";

/** What a box holds and how its init is started. Everything is optional. */
export interface BootOptions {
  /** Arguments of my_init. */
  readonly args?: readonly string[];
  /** Shell text of a main command: it becomes /opt/main, and `-- /opt/main` is added to the arguments. */
  readonly main?: string;
  /** Another first program than `/sbin/my_init`, with its arguments. */
  readonly command?: readonly string[];
  /** Environment of the container, as `docker run -e` gives it, on top of PATH, HOME and HOSTNAME; `null` takes one away. */
  readonly env?: Readonly<Record<string, string | null>>;
  readonly services?: Readonly<Record<string, ServiceSpec>>;
  /** Scripts in /etc/my_init.d by name. */
  readonly startup?: Readonly<Record<string, string>>;
  /** Files in /etc/container_environment by variable. */
  readonly environment?: Readonly<Record<string, string | Buffer>>;
  readonly preShutdown?: Readonly<Record<string, string>>;
  readonly postShutdown?: Readonly<Record<string, string>>;
  readonly signalHooks?: Readonly<Record<string, string>>;
  /** Any other file, by path. */
  readonly files?: Readonly<Record<string, FileSpec>>;
  /** Further file systems. */
  readonly mounts?: readonly Mount[];
  /** Nothing in `/` can be written but what `mounts` adds (and /dev, /dev/shm, /proc). */
  readonly readOnlyRoot?: boolean;
  /** User and group id of the first program, without capabilities. */
  readonly user?: number;
  /** Shell text that runs in the container's first process just before it becomes the init (limits, ignored signals, closed descriptors). */
  readonly before?: string;
  /** A system call that the kernel refuses to the init and all that it starts, and to commands of {@link Container.exec}. */
  readonly refusal?: Refusal;
  /** The init is not PID 1 but the only child of one, as under `docker run --init`. */
  readonly notFirst?: boolean;
  /** A pty as stdin, stdout and stderr and controlling terminal, as `docker run -it` gives. */
  readonly tty?: boolean;
  /** Keeps stdin open for {@link Container.type}; otherwise stdin is /dev/null. */
  readonly stdin?: boolean;
  /** Does not read the output, so that its pipes fill up, until {@link Container.readOutput}. */
  readonly slowReader?: boolean;
}

/** Every file that the options put into the box, by path. */
export function filesOf(options: BootOptions): Record<string, FileSpec> {
  const files: Record<string, FileSpec> = {};
  for (const [name, text] of Object.entries(options.startup ?? {})) files[`/etc/my_init.d/${name}`] = script(text);
  for (const [name, value] of Object.entries(options.environment ?? {}))
    files[`/etc/container_environment/${name}`] = value;
  for (const [name, service] of Object.entries(options.services ?? {})) {
    Object.assign(files, serviceFiles(`/etc/service/${name}`, service));
  }
  const hooks = { pre_shutdown: options.preShutdown, post_shutdown: options.postShutdown, signal: options.signalHooks };
  for (const [kind, scripts] of Object.entries(hooks)) {
    for (const [name, text] of Object.entries(scripts ?? {})) files[`/etc/my_init.${kind}.d/${name}`] = script(text);
  }
  if (options.main !== undefined) files["/opt/main"] = script(options.main);
  if (options.before !== undefined) files["/.before"] = options.before;
  return { ...files, ...options.files };
}
