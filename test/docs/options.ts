/**
 * The tables of options in `docs/hosts.md`, from the comments of the options.
 */
import { fileURLToPath } from "node:url"
import { type Member, membersOf, modules } from "./exports.ts"

const all = modules(fileURLToPath(new URL("../../src", import.meta.url)), ".ts")

/** The options that an interface of a public module lists. */
const optionsOf = (module: string, name: string): ReadonlyArray<Member> => {
  const found = all
    .find((one) => one.name === module)
    ?.exports.find((one) => one.name === name && one.kind === "interface")
  if (found === undefined) throw new Error(`there are no options ${module}.${name}`)
  return membersOf(found)
}

/** The flags of the program that set an option. */
const flags: Readonly<Record<string, string>> = {
  seeds: "--seed",
  "bundle.retries": "--retries",
  "catalog.retries": "--retries",
  "lock.waitLimit": "--wait",
  "sync.concurrency": "--concurrency",
  "sync.removal": "--remove",
  "sync.retention": "--retain"
}

export interface Option {
  /** As in `lock.waitLimit`. */
  readonly path: string
  /** The module that reads it. */
  readonly module: string
  /** Empty for an option that must be given. */
  readonly default: string
  readonly meaning: string
  /** The flag of the program; undefined without one. */
  readonly flag: string | undefined
}

const option = (path: string, module: string, { doc = "" }: Member): Option => {
  const text = doc.replaceAll(/\s+/g, " ").replaceAll(/\{@link ([^}]+)\}/g, "`$1`")
  const [meaning = "", value = ""] = text.split(/ ?\bDefault: /)
  return { path, module, default: value.replace(/\.$/, ""), meaning, flag: flags[path] }
}

/** The options of the layers of `CodexPlugins`, by their path. */
export const layerOptions: ReadonlyArray<Option> = optionsOf("CodexPlugins", "Options").flatMap(
  (member) => {
    const module = /^(\w+)\.Options\b/.exec(member.type)?.[1]
    return module === undefined
      ? [option(member.name, "CodexPlugins", member)]
      : optionsOf(module, "Options").map((inner) =>
          option(`${member.name}.${inner.name}`, module, inner)
        )
  }
)

/** The options that a host gives elsewhere. */
export const otherOptions: ReadonlyArray<Option> = [
  ["PluginSync.background", "PluginSync", "BackgroundOptions"] as const,
  ["Credentials.layerWith", "Credentials", "Options"] as const,
  ["CodexRefresh.layerWith", "CodexRefresh", "Options"] as const
].flatMap(([call, module, name]) =>
  optionsOf(module, name).map((member) => option(member.name, call, member))
)

const row = (cells: ReadonlyArray<string>) =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`

const code = (text: string | undefined) => (text === undefined ? "–" : `\`${text}\``)

export const markdown = [
  "<!-- prettier-ignore-start -->",
  [
    row(["option", "module", "default", "meaning", "flag"]),
    row(Array.from({ length: 5 }, () => "---")),
    ...layerOptions.map(({ default: value, flag, meaning, module, path }) =>
      row([code(path), code(module), value, meaning, code(flag)])
    )
  ].join("\n"),
  "Three more calls take options of their own:",
  [
    row(["option", "of", "default", "meaning"]),
    row(Array.from({ length: 4 }, () => "---")),
    ...otherOptions.map(({ default: value, meaning, module, path }) =>
      row([code(path), code(module), value === "" ? "must be given" : value, meaning])
    )
  ].join("\n"),
  "<!-- prettier-ignore-end -->"
].join("\n\n")
