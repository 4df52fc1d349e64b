/**
 * The tables of `docs/source.md`: each module with the first sentence of the comment at its head.
 */
import { readdirSync, readFileSync } from "node:fs"

const root = new URL("../../", import.meta.url)

/** The folders of the source, in the order in which a newcomer should meet them. */
const folders: ReadonlyArray<readonly [folder: string, purpose: string]> = [
  ["src", "The public modules: values, services, and the layers that compose them."],
  ["src/internal/sync", "The parts of `PluginSync`."],
  [
    "src/internal/bundle",
    "The parts of `RemoteBundle` and `BundleArchive`, from a URL to a folder."
  ],
  ["src/internal/cache", "The parts of `PluginStore`: the cache and its staging folder."],
  ["src/internal/disk", "The one way to the disk, over Effect's `FileSystem` or `node:fs`."],
  ["src/internal/lock", "The parts of `CacheLock`."],
  ["src/internal/doctor", "The parts of `PluginDoctor`."],
  ["src/internal", "Helpers of several services: HTTP, settings, messages."],
  ["src/appServer", "The program as a server for clients of Codex's app-server."],
  ["src/cli", "The program's commands, and what they print."],
  ["src/testing", "The package's `testing` entry point."],
  ["src/testing/internal", "The parts of the test backend and of the file system in memory."]
]

/** The first sentence of the comment at a file's head; undefined if there is no comment. */
const purposeOf = (file: string): string | undefined => {
  const [, comment] = /^\/\*\*(.*?)\*\//s.exec(readFileSync(new URL(file, root), "utf8")) ?? []
  const text = comment
    ?.trim()
    .replaceAll(/^ *\* ?/gm, "")
    .split(/\n\s*\n/)[0]!
    .replaceAll(/\s+/g, " ")
    .trim()
  return text && (/^.*?\.(?= [A-Z`]|$)/.exec(text)?.[0] ?? text)
}

const modulesOf = (folder: string): ReadonlyArray<string> =>
  readdirSync(new URL(`${folder}/`, root))
    .filter((name) => name.endsWith(".ts"))
    .toSorted()

const sectionOf = ([folder, purpose]: (typeof folders)[number]): string => {
  const rows: Array<string> = []
  const commands: Array<string> = []
  for (const name of modulesOf(folder)) {
    const link = `[\`${name.slice(0, -3)}\`](../${folder}/${name})`
    const text = purposeOf(`${folder}/${name}`)
    if (text === undefined) commands.push(link)
    else rows.push(`| ${link} | ${text.replaceAll("|", "\\|")} |`)
  }
  return [
    `### ${folder}`,
    purpose,
    ["| module | purpose |", "| --- | --- |", ...rows].join("\n"),
    ...(commands.length === 0 ? [] : [`One command or entry point each: ${commands.join(", ")}.`])
  ].join("\n\n")
}

export const markdown = [
  "<!-- prettier-ignore-start -->",
  ...folders.map(sectionOf),
  "<!-- prettier-ignore-end -->"
].join("\n\n")
