import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type HostEngine, podmanAt } from "../../host/engines/host-engine.ts";
import { needDebianPackages } from "../debian.ts";
import { cacheDir } from "../setup/places.ts";

/**
 * A Podman with configuration and storage of its own, beside whatever the machine has; its packages are installed first. Images
 * stay for the next time.
 * @throws when it cannot start containers here
 */
export async function openPodman(): Promise<HostEngine> {
  // Podman 5, of Debian 13, left CNI.
  const bookworm = /^VERSION_CODENAME=bookworm$/m.test(readFileSync("/etc/os-release", "utf8"));
  await needDebianPackages(["podman", "runc", bookworm ? "containernetworking-plugins" : "netavark"]);
  const root = join(cacheDir, "podman");
  // Always the same: Podman writes it down in its storage, and takes no other afterwards.
  const state = `/run/shipshape-podman-${createHash("sha256").update(root).digest("hex").slice(0, 8)}`;
  for (const directory of [root, state]) mkdirSync(directory, { recursive: true });
  const [containers, storage] = [join(root, "containers.conf"), join(root, "storage.conf")];
  writeFileSync(containers, containersConf(state));
  writeFileSync(
    storage,
    `[storage]\ndriver = "overlay"\ngraphroot = "${root}/storage"\nrunroot = "${state}/storage"\n`,
  );
  const engine = await podmanAt({ CONTAINERS_CONF: containers, CONTAINERS_STORAGE_CONF: storage });
  if (engine === null) throw new Error("cannot use podman with runc: it does not start a container here");
  return engine;
}

/**
 * runc and cgroups of its own, because crun and systemd want more than a machine without systemd has; limits that a process without
 * CAP_SYS_RESOURCE may set; locks that no other Podman uses.
 */
function containersConf(state: string): string {
  return `[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "${state}/libpod"
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
log_driver = "k8s-file"
`;
}
