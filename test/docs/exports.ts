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
  /** The public module that it is re-exported from; undefined unless there is one. */
  readonly origin: string | undefined
}

/** A member of an interface, of a service, or of a union of tagged values. */
export interface Member {
  readonly name: string
  readonly isOptional: boolean
  readonly type: string
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

/** An export and the place of its statement in the file. */
type Placed = readonly [index: number, found: Export]

/** The members of a service, which `tsc` declares apart from its class. */
const serviceBase = (text: string, name: string): string | undefined => {
  const start = text.indexOf(`declare const ${name}_base: Context.ServiceClass<`)
  if (start === -1) return undefined
  const [, id, members] =
    /^.*Class<\w+, ("[^"]+"), \{\n([\s\S]*?)^\}>;$/m.exec(text.slice(start)) ?? []
  return members === undefined
    ? undefined
    : `class ${name} extends Context.Service<${name}, {\n${members}}>()(${id}) {}`
}

const declaredIn = (module: string, text: string): ReadonlyArray<Placed> =>
  Array.from(text.matchAll(declarationPattern), (match) => {
    const [whole, kind = "", name = ""] = match
    const comment = leadingComment.exec(whole)?.[0]
    const rest = text.slice(match.index + (comment?.length ?? 0))
    // A declaration ends where the next line begins with something else than its own inside.
    const end = /\n(?=[^\s})\]>]|$)/.exec(rest)?.index ?? rest.length
    const found = {
      module,
      name,
      kind,
      declaration:
        (kind === "class" ? serviceBase(text, name) : undefined) ??
        rest.slice(0, end).replace(/^export (declare )?/, ""),
      doc: comment === undefined ? undefined : textOf(comment.trimEnd()),
      origin: undefined
    }
    return [match.index, found]
  })

const reExportPattern =
  /^(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export (type )?\{([^}]*)\} from "(.+)\.ts"/gm

interface Files {
  readonly read: (path: string) => string
  /** The paths of the public modules. */
  readonly areModules: ReadonlySet<string>
}

/** The exports of a file, its own and those that it re-exports. */
const exportsOf = (files: Files, module: string, path: string): ReadonlyArray<Export> => {
  const text = files.read(path)
  const reExported = Array.from(text.matchAll(reExportPattern)).flatMap(
    ({ 1: comment, 2: typesOnly, 3: specifiers = "", 4: target = "", index }) => {
      const from = posix.join(posix.dirname(path), target)
      const found = exportsOf(files, module, from)
      const exported = (one: Export, name: string): Placed => [
        index,
        {
          ...one,
          name,
          declaration: one.declaration.replace(one.name, name),
          doc: comment === undefined ? one.doc : textOf(comment.trimEnd()),
          origin: one.origin ?? (files.areModules.has(from) ? from : undefined)
        }
      ]
      return specifiers.split(",").flatMap((specifier) => {
        const [, type = typesOnly, original = "", name = original] =
          /^\s*(type )?(\w+)(?: as (\w+))?\s*$/.exec(specifier) ?? []
        return found
          .filter((one) => one.name === original && !(type && one.kind === "const"))
          .map((one) => exported(one, name))
      })
    }
  )
  return [...declaredIn(module, text), ...reExported]
    .toSorted(([a], [b]) => a - b)
    .map(([, found]) => found)
}

/** The public modules; `extension` is `.ts` for the sources and `.d.ts` for declarations. */
export const modules = (folder: string, extension: ".ts" | ".d.ts"): ReadonlyArray<Module> => {
  const read = (path: string) => readFileSync(posix.join(folder, `${path}${extension}`), "utf8")
  const found = entries.flatMap(([entry, file]) => {
    const names = Array.from(
      read(file).matchAll(/export \* as (\w+) from "(.+)\.ts"/g),
      ([, name = "", path = ""]) => ({ entry, name, path: posix.join(posix.dirname(file), path) })
    )
    return names.length === 0 ? [{ entry, name: file, path: file }] : names
  })
  const files = { read, areModules: new Set(found.map(({ path }) => path)) }
  return found.map(({ entry, name, path }) => ({
    entry,
    name,
    doc: textOf(leadingComment.exec(read(path))?.[0].trimEnd() ?? ""),
    exports: exportsOf(files, name, path)
  }))
}

const memberPattern = /^(?:readonly )?"?([\w.]+)"?(\??)(?=[:(<])(.*)$/

/** The members of an interface, of a service or of a tagged union, as the sources have them. */
export const membersOf = ({ declaration }: Export): ReadonlyArray<Member> => {
  const opening = /^(?:interface .*|type .*= (?:Data\.TaggedEnum<)?)\{$|^ {2}\{$/m.exec(declaration)
  if (opening === null) return []
  const lines = declaration.slice(opening.index + opening[0].length + 1).split("\n")
  const indentation = /^ */.exec(lines[0] ?? "")?.[0] ?? ""
  const members: Array<Member> = []
  let comment: Array<string> = []
  let isInComment = false
  for (const line of lines) {
    if (line !== "" && !line.startsWith(indentation)) break
    const text = line.slice(indentation.length)
    if (text.startsWith("/**")) [comment, isInComment] = [[], true]
    if (isInComment) {
      comment.push(text)
      isInComment = !text.endsWith("*/")
      continue
    }
    const [, name, mark, type = ""] = memberPattern.exec(text) ?? []
    if (name === undefined) continue
    members.push({
      name,
      isOptional: mark === "?",
      type: type.replace(/^: /, ""),
      doc: comment.length === 0 ? undefined : textOf(comment.join("\n"))
    })
    comment = []
  }
  return members
}
