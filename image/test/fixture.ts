import { type FileSpec, type ServiceSpec, script, serviceFiles } from "../../runtime/test/harness/rootfs.ts";

/** A service that tells when it is up, and that it was told to stop. By bash: a child of dash that is not yet another program loses a TERM. */
export function beat(name: string): ServiceSpec {
  return {
    run: `#!/bin/bash\ntrap 'echo "${name}: got TERM"; exit 0' TERM\necho "${name}: up"\nwhile :; do sleep 1000 & wait "$!"; done`,
  };
}

/** Services by their names, as files below /etc/service. */
export function services(specs: Readonly<Record<string, ServiceSpec>>): Record<string, FileSpec> {
  const files = Object.entries(specs).map(([name, spec]) => serviceFiles(`/etc/service/${name}`, spec));
  return Object.assign({}, ...files);
}

/** What most containers of the tests hold: a startup file, hooks of the shutdown, two services. */
export const furnished: Readonly<Record<string, FileSpec>> = {
  "/etc/my_init.d/10_hello": script("echo 'startup file'"),
  "/etc/my_init.pre_shutdown.d/10_hook": script("echo 'hook: before the services'"),
  "/etc/my_init.post_shutdown.d/10_hook": script("echo 'hook: after the services'"),
  ...services({ one: beat("one"), two: beat("two") }),
};

/**
 * Replaces itself by my_init, and sends it TERM `$0` microseconds after it can take a signal: from the inside, because the
 * engine's own commands take a hundred times longer. Before its first instructions no PID 1 can take one: the kernel drops it.
 */
export const TERM_AT_ONCE = `
export LC_ALL=C
(
  until read -rd '' status </proc/1/status; [[ $status == *my_init* ]]; do :; done
  while [[ $status == *SigBlk:$'\\t'0000000000000000* && $status == *SigCgt:$'\\t'0000000000000000* ]]; do
    read -rd '' status </proc/1/status
  done
  ready_at=\${EPOCHREALTIME/./}
  while ((\${EPOCHREALTIME/./} - ready_at < $0)); do :; done
  kill -TERM 1
) &
exec /sbin/my_init`;

/** Perl that becomes my_init with a TERM that waits: it is blocked, so that the kernel keeps it for the next program. */
export const TERM_BEFORE = 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); kill TERM => $$; exec "/sbin/my_init"';
