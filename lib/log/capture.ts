/** Services whose output the log daemon can read at the same time: it keeps an entry for each in its memory. */
export const MAX_CAPTURED = 2048;
