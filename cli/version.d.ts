/** The version of package.json; tools/build-cli.ts puts it in. */
declare const VERSION: string;
