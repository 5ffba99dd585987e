/** Kind of a file in its mode. @see inode(7) */
export enum FileType {
  Mask = 0o170000,
  Directory = 0o040000,
  Regular = 0o100000,
}
