/** Where `syslog(3)` sends messages. */
export const SYSLOG_SOCKET = "/dev/log";
/** Where clients of systemd's journal send messages. They do without when it is not there. */
export const JOURNAL_SOCKET = "/run/systemd/journal/socket";
