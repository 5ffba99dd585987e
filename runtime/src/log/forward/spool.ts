/**
 * The spool: messages that wait to be forwarded, in the form in which they go over TCP. The older half is emptied when it is sent, or when
 * its space is needed for newer messages.
 */
export const SPOOL_DIRECTORY = "/var/spool/shipshape";
export const SPOOL = `${SPOOL_DIRECTORY}/forward`;
export const OLDER = `${SPOOL}.1`;
/** Each half has at most this many bytes. */
export const SPOOL_BYTES = 8 << 20;
