// @daemon

import { kernel } from "../base/binding.ts";
import { Forwarder } from "../log/forward/forwarder.ts";

const [, protocol = "", host = "", port = ""] = kernel.args;
const forwarder = new Forwarder(kernel, { protocol: protocol === "udp" ? "udp" : "tcp", host, port: Number(port) });
globalThis.tick = () => forwarder.loop.tick();
