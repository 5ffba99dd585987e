/**
 * Bytes as text: one character per byte (U+0000 to U+00FF). File names, arguments and environment values are bytes to
 * Linux and need not be UTF-8; in this form every byte sequence survives a round trip.
 */
export type Bytes = string;
