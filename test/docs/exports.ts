/**
 * The exports of the package's entry points, read from the sources or from the declarations that
 * `tsc` emits. Both have one layout: each declaration starts a line, below its comment.
 */
import { readFileSync } from "node:fs"
import { posix } from "node:path"

export interface Export {
  /** The module's name, such as `PluginStore`. */
  readonly module: string
  readonly name: string
  /** `class`, `function`, `const`, `interface` or `type`. */
  readonly kind: string
  /** The declaration without its comment. */
  readonly declaration: string
  /** The text of its TSDoc comment; undefined without one. */
  readonly doc: string | undefined
}

export interface Module {
  readonly entry: string
  readonly name: string
  readonly doc: string
  readonly exports: ReadonlyArray<Export>
}

const entries = [
  ["effect-codex-plugins", "index"],
  ["effect-codex-plugins/node", "NodeCodexPlugins"],
  ["effect-codex-plugins/testing", "testing/index"]
] as const

/** A comment's text without its frame. */
const textOf = (comment: string): string =>
  comment
    .replace(/^\/\*\*/, "")
    .replace(/\*\/$/, "")
    .split("\n")
    .map((line) => line.replace(/^ ?\* ?/, "").trimEnd())
    .join("\n")
    .trim()

const declarationPattern =
  /^(?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export (?:declare )?(?:abstract )?(class|function|const|interface|type|namespace|enum) (\w+)/gm

const leadingComment = /^\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n/

const exportsOf = (module: string, text: string): ReadonlyArray<Export> => {
  const found = [...text.matchAll(declarationPattern)]
  return found.map((match) => {
    const [whole, kind = "", name = ""] = match
    const start = match.index + (leadingComment.exec(whole)?.[0].length ?? 0)
    const rest = text.slice(start)
    // A declaration ends where the next line begins with something else than its own inside.
    const end = /\n(?=[^\s})\]]|$)/.exec(rest)?.index ?? rest.length
    const comment = leadingComment.exec(whole)?.[0]
    return {
      module,
      name,
      kind,
      declaration: rest.slice(0, end).replace(/^export (declare )?/, ""),
      doc: comment === undefined ? undefined : textOf(comment.trimEnd())
    }
  })
}

/** The public modules; `extension` is `.ts` for the sources and `.d.ts` for declarations. */
export const modules = (folder: string, extension: ".ts" | ".d.ts"): ReadonlyArray<Module> =>
  entries.flatMap(([entry, file]) => {
    const read = (path: string) => readFileSync(posix.join(folder, `${path}${extension}`), "utf8")
    const moduleOf = (path: string, name: string): Module => {
      const text = read(path)
      return {
        entry,
        name,
        doc: textOf(leadingComment.exec(text)?.[0].trimEnd() ?? ""),
        exports: exportsOf(name, text)
      }
    }
    const names = Array.from(
      read(file).matchAll(/export \* as (\w+) from "(.+)\.ts"/g),
      ([, name, path]) => ({ name: name!, path: path! })
    )
    return names.length === 0
      ? [moduleOf(file, "NodeCodexPlugins")]
      : names.map(({ name, path }) => moduleOf(posix.join(posix.dirname(file), path), name))
  })
