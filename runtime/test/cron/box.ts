import { type BootOptions, boot, type Container } from "../harness/container.ts";
import type { FileSpec } from "../harness/rootfs.ts";

/** A container whose service `cron` is ours, with these files besides. */
export function cronBox(files: Readonly<Record<string, FileSpec>>, options: BootOptions = {}): Promise<Container> {
  const links = Object.fromEntries(
    ["cron", "crontab", "cronctl"].map((name) => [`/sbin/${name}`, { link: "shipshape" }]),
  );
  return boot({
    services: { cron: { run: "exec /sbin/cron -f" } },
    ...options,
    files: { ...links, "/etc/cron.d": { directory: true }, ...files },
  });
}
