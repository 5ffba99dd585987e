import { parseSync, Visitor } from "oxc-parser";

/**
 * The module specifiers that a TypeScript or JavaScript file imports, in the order of the text: static and dynamic imports,
 * re-exports, and types imported only.
 * @param path tells the parser the language by its ending, and names the file in errors
 * @throws when the text cannot be parsed, or an `import()` has no literal name
 */
export function importedNames(path: string, text: string): string[] {
  const { program, errors } = parseSync(path, text);
  const error = errors[0];
  if (error !== undefined) throw new Error(`cannot parse ${path}: ${error.message}`);
  const names: string[] = [];
  new Visitor({
    ImportDeclaration: ({ source }) => names.push(source.value),
    ExportAllDeclaration: ({ source }) => names.push(source.value),
    ExportNamedDeclaration: ({ source }) => source !== null && names.push(source.value),
    TSImportType: ({ source }) => names.push(source.value),
    ImportExpression: ({ source }) => {
      if (source.type === "Literal" && typeof source.value === "string") names.push(source.value);
    },
  }).visit(program);
  return names;
}
