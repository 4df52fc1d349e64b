/** The content of an archive, by path below its root. */
export interface Tree {
  readonly files: Map<string, { readonly mode: number; readonly content: Uint8Array }>
  readonly folders: Set<string>
}

/** A message with the first difference of two trees. */
export const difference = (ours: Tree, theirs: Tree): string | undefined => {
  for (const name of ours.folders) {
    if (!theirs.folders.has(name)) return `only ours has the folder ${JSON.stringify(name)}`
  }
  for (const name of theirs.folders) {
    if (!ours.folders.has(name)) return `only theirs has the folder ${JSON.stringify(name)}`
  }
  for (const name of theirs.files.keys()) {
    if (!ours.files.has(name)) return `only theirs has the file ${JSON.stringify(name)}`
  }
  for (const [name, { content, mode }] of ours.files) {
    const other = theirs.files.get(name)
    if (other === undefined) return `only ours has the file ${JSON.stringify(name)}`
    if (mode !== other.mode) {
      return `${JSON.stringify(name)} has mode ${mode.toString(8)} in ours, ${other.mode.toString(8)} in theirs`
    }
    if (Buffer.compare(content, other.content) !== 0) {
      return `${JSON.stringify(name)} has other content: ${content.length} bytes in ours, ${other.content.length} in theirs`
    }
  }
  return undefined
}
