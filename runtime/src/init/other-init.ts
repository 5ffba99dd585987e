import { controlSockets } from "../../../lib/control/protocol.ts";
import type { Sys } from "../sys.ts";

/**
 * Whether another init serves here already, so that this one (`docker exec CONTAINER my_init`) would start every service a second time and
 * take the control socket away. PID 1 is the first by definition: what it finds is of an earlier life.
 */
export function isServedAlready(sys: Sys): boolean {
  if (sys.getpid() === 1 || sys.resumeFd >= 0) return false;
  return controlSockets(sys.getuid()).some((path) => {
    const fd = sys.unixConnect(path);
    if (fd < 0) return false;
    const peer = sys.peerUid(fd);
    sys.close(fd);
    // Anybody can listen in /tmp.
    return peer === 0 || peer === sys.getuid();
  });
}
