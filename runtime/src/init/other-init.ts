import { controlDirectories, controlSocket } from "../../../lib/control/protocol.ts";
import { processes } from "../base/process-tree.ts";
import { containerName, isOfThisContainer } from "../base/this-container.ts";
import { Errno, type Sys } from "../sys.ts";

/**
 * Whether another init serves here already, so that this one (`docker exec CONTAINER my_init`) would start every service a second time and
 * take the control socket away. PID 1 is the first by definition: whatever it finds is of an earlier life.
 */
export function isServedAlready(sys: Sys): boolean {
  if (sys.getpid() === 1 || sys.resumeFd >= 0) return false;
  const container = containerName(sys);
  const answers = controlDirectories(sys.getuid()).map((directory) => {
    const fd = sys.unixConnect(controlSocket(directory, container));
    if (fd < 0) return fd;
    const peer = sys.peerUid(fd);
    // Anybody can listen in /tmp.
    const serves = (peer === 0 || peer === sys.getuid()) && isOfThisContainer(sys, fd);
    sys.close(fd);
    return serves ? 0 : -Errno.ECONNREFUSED;
  });
  return answers.includes(0) || isBesideInit(sys, answers.includes(-Errno.EACCES));
}

/**
 * Whether the container's first process, or the child of an engine's `--init`, is an init of another user, whose socket cannot be asked.
 * @param refused a control socket is there that this user may not connect to
 */
function isBesideInit(sys: Sys, refused: boolean): boolean {
  const own = sys.readlink("/proc/self/ns/mnt");
  return processes(sys).some(({ pid, name, parent }) => {
    if (name !== "my_init" || pid === sys.getpid() || (pid !== 1 && parent !== 1)) return false;
    // In a PID namespace that containers share, that of another container is none of ours.
    const theirs = sys.readlink(`/proc/${pid}/ns/mnt`);
    return typeof theirs === "string" ? theirs === own : refused;
  });
}
