import { createHash } from "node:crypto";
import { run } from "../../host/command.ts";

/** The network of a daemon's containers. */
export interface Bridge {
  readonly name: string;
  remove(): Promise<void>;
}

/**
 * Makes a bridge for one daemon. On the usual one, `docker0`, each of two daemons would give its first container the same address, and
 * neither would get the answers of name servers and mirrors.
 * @param dataRoot the daemon's, which names the bridge: one that a killed daemon left is replaced
 * @returns `null` when this machine lets us make none, or has no `ip`
 */
export async function makeBridge(dataRoot: string): Promise<Bridge | null> {
  const hash = createHash("sha256").update(dataRoot).digest();
  const name = `shipshape${hash.toString("hex", 0, 3)}`; // 15 characters at most, says the kernel
  const ip = async (...args: readonly string[]): Promise<boolean> => (await run("ip", args)).code === 0;
  const remove = async (): Promise<void> => void (await ip("link", "delete", name));
  await remove();
  const { stdout } = await run("ip", ["-4", "route", "show", "table", "all"]);
  const address = freeAddress(stdout, hash.readUInt16BE(4));
  if (address === null) return null;
  const made =
    (await ip("link", "add", name, "type", "bridge")) &&
    (await ip("address", "add", address, "dev", name)) &&
    (await ip("link", "set", name, "up"));
  if (made) return { name, remove };
  await remove();
  return null;
}

const FIRST_NETWORK = 172 * 256 + 16;
/** The networks of 256 addresses in 172.16.0.0/12. @see RFC 1918 */
const NETWORKS = 16 * 256;

/**
 * The first address of a private network of 256 that no route leads into, as `172.20.3.1/24`; `null` when all are taken.
 * @param routes as `ip -4 route show` prints them
 * @param start where to begin: another one for each daemon, so that two that start at once differ
 */
export function freeAddress(routes: string, start: number): string | null {
  const taken = [...routes.matchAll(/^(?:[a-z]+ )?([\d.]+)(?:\/(\d+))? /gm)].map(([, address = "", bits = "32"]) => ({
    address: numberOf(address),
    size: 2 ** (32 - Number(bits)),
  }));
  for (let i = 0; i < NETWORKS; i++) {
    const network = (FIRST_NETWORK * 256 + ((start + i) % NETWORKS)) * 256;
    if (taken.some(({ address, size }) => address < network + 256 && network < address + size)) continue;
    return `${[24, 16, 8, 0].map((shift) => ((network + 1) >>> shift) & 255).join(".")}/24`;
  }
  return null;
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
