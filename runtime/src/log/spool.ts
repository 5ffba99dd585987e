/** Where messages wait that are to be forwarded, in the form in which they go over TCP; `.1` is the older half. */
export const SPOOL_DIRECTORY = "/var/spool/shipshape";
export const SPOOL = `${SPOOL_DIRECTORY}/forward`;
/** Each half has at most this many bytes. */
export const SPOOL_BYTES = 8 << 20;
