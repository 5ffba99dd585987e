import type { CommandResult } from "../host/command.ts";
import { type Container, lacksProgram, lastLine } from "./container.ts";
import type { Login } from "./ssh-arguments.ts";

/**
 * Runs as root in the container, `$1` being the user who wants to log in: tells in lines `NAME VALUE` what a login needs. On the way it
 * makes the directory that sshd needs, in case it has never run.
 */
export const PROBE = `
PATH=$PATH:/usr/sbin:/sbin up= waited=0
sshd=$(command -v sshd) || exit 0
echo "sshd $sshd"
if [ -d /etc/service/sshd ] && command -v sv >/dev/null; then
  status=$(sv status sshd 2>&1)
  case $status in
    run:*) up=yes ;;
    *'want up'*) up=yes && echo "failing $(echo "$status" | sed -n 's/^sv: sshd: //p')" ;;
  esac
elif cat /proc/[0-9]*/comm 2>/dev/null | grep -qx sshd; then
  up=yes
fi
echo "up $up"
account=$(grep "^$1:" /etc/passwd) && home=$(echo "$account" | cut -d : -f 6) && echo "home $home"
[ -d /run/sshd ] || mkdir -m 0755 /run/sshd
if [ -r /etc/insecure_key.pub ]; then
  grep -qsF "$(cut -d ' ' -f 2 /etc/insecure_key.pub)" "$home/.ssh/authorized_keys" && echo 'allowed yes'
  sed 's/^/key /' /etc/insecure_key
fi
# The first start of the service is still making the host keys.
while [ "$up" ] && [ $((waited += 1)) -lt 50 ] && "$sshd" -T 2>&1 | grep -q 'no hostkeys'; do sleep 0.2; done
settings=$("$sshd" -T 2>&1) || echo "broken $(echo "$settings" | head -n 1)"
echo "$settings" | sed -n 's/^hostkey //p' | while read -r file; do
  key=$(cut -d ' ' -f 1,2 "$file.pub" 2>/dev/null || ssh-keygen -y -f "$file" 2>/dev/null) && echo "host $key"
done
`;

/** What no shell and no `%` of ssh makes anything else of. */
const PATH = /^[\w./+-]*$/;

/** What the probe has found. */
export interface Probe {
  /** Path of the program; empty when it is not in the image. */
  readonly sshd: string;
  /** The service is to run. */
  readonly up: boolean;
  /** Why it does not all the same; empty when it does. */
  readonly failing: string;
  /** Why sshd refuses its configuration or its keys; empty when it does not. */
  readonly broken: string;
  /** Home of the user; empty when there is no such user. */
  readonly home: string;
  /** The user may log in with the insecure key. */
  readonly allowed: boolean;
  /** Private half of the image's insecure key; empty when the image has none. */
  readonly insecureKey: string;
  /** Public host keys: type, space, base64. */
  readonly hostKeys: readonly string[];
  /** Why the probe itself did not run; empty when it did. */
  readonly failed: string;
}

export function readProbe(said: CommandResult): Probe {
  const { code, stdout, stderr } = said;
  const values = (name: string): string[] =>
    stdout
      .split("\n")
      .filter((line) => line.startsWith(`${name} `))
      .map((line) => line.slice(name.length + 1));
  const key = values("key");
  const [sshd = ""] = values("sshd");
  // ssh has the path run by a shell of this machine, and the container can say what it likes.
  const strange = PATH.test(sshd) ? "" : `it says that its sshd is ${JSON.stringify(sshd)}`;
  return {
    sshd,
    up: values("up")[0] === "yes",
    failing: values("failing")[0] ?? "",
    // sshd ends its messages with a carriage return.
    broken: values("broken")[0]?.trim() ?? "",
    home: values("home")[0] ?? "",
    allowed: values("allowed").length > 0,
    insecureKey: key.length > 0 ? `${key.join("\n")}\n` : "",
    hostKeys: values("host"),
    // Without a shell in the image there is no sshd either.
    failed: code === 0 || lacksProgram(said) ? strange : lastLine(stderr || stdout) || `exit code ${code}`,
  };
}

/** Why a login cannot work, and what to do about it; `null` when it can. */
export function whyNoLogin(probe: Probe, { engine, name }: Container, login: Login): string | null {
  const { user, identity } = login;
  const inside = `${engine} exec ${name}`;
  if (probe.failed !== "") return `cannot look into the container: ${probe.failed}`;
  if (probe.sshd === "")
    return `there is no sshd in its image: build it FROM shipshape/baseimage, not :small; docker-bash ${name} works without one`;
  if (!probe.up) {
    return `sshd is down in it; for this container: ${inside} sv up sshd; for its image: RUN rm -f /etc/service/sshd/down`;
  }
  if (probe.broken !== "") return `its sshd refuses to work: ${probe.broken}`;
  if (probe.failing !== "") return `its sshd does not stay up: ${probe.failing}; ${engine} logs ${name} tells why`;
  if (probe.home === "") return `there is no user ${user} in it`;
  if (identity !== undefined) return null;
  if (probe.insecureKey === "") return "there is no /etc/insecure_key in its image; give a key of your own: -i FILE";
  if (probe.allowed) return null;
  const as = user === "root" ? inside : `${engine} exec --user ${user} ${name}`;
  return `the insecure key is not enabled for ${user} in it: ${as} enable_insecure_key; or give a key of your own: -i FILE`;
}
