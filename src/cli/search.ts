import { Console, Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { display } from "../internal/display.ts"
import * as PluginSearch from "../PluginSearch.ts"
import type * as RemoteCatalog from "../RemoteCatalog.ts"
import { errorJson } from "./exit.ts"
import * as flags from "./flags.ts"
import { online } from "./online.ts"
import { printJson, schemaVersion, tableLines } from "./output.ts"
import { accountText, remoteJson } from "./remoteJson.ts"
import { count } from "./results.ts"
import { Screen } from "./screen.ts"
import { truncate, width, wrap } from "./text.ts"

const sectionNames: Readonly<Record<RemoteCatalog.Section, string>> = {
  curated: "the curated plugins",
  createdByMe: "the plugins that the account created",
  workspace: "the plugins of the workspace",
  sharedWithMe: "the plugins that others share"
}

/** The most lines of a description on a terminal. */
const mostLines = 2

const indent = "  "

const descriptionOf = ({ details: { release } }: PluginSearch.Match): string =>
  display((release.interface.short_description ?? release.description).replace(/\s+/g, " ").trim())

/** What a person should know about the plugin before installing it. */
const noteOf = (match: PluginSearch.Match): string =>
  accountText(remoteJson(match)).replace(/^not installed(?:, )?/, "")

const versionOf = ({ plugin }: PluginSearch.Match): string =>
  display(Option.getOrElse(plugin.releaseVersion, () => ""))

/** One plugin with its description and its id below it. */
const matchLines = (match: PluginSearch.Match, columns: number): ReadonlyArray<string> => {
  const { pluginId, remotePluginId } = match.plugin
  const note = noteOf(match)
  const title = [pluginId, versionOf(match), note === "" ? "" : `(${note})`].filter(
    (part) => part !== ""
  )
  const description = wrap(descriptionOf(match), columns - indent.length)
  const shown =
    description.length <= mostLines
      ? description
      : [
          ...description.slice(0, mostLines - 1),
          truncate(description.slice(mostLines - 1).join(" "), columns - indent.length)
        ]
  const id = display(remotePluginId)
  return [
    ...wrap(title.join(" "), columns),
    ...[...shown, ...(width(id) + indent.length <= columns ? [id] : [])]
      .filter((line) => line !== "")
      .map((line) => `${indent}${truncate(line, columns - indent.length)}`)
  ]
}

const closingLines = (
  { matches, searched }: PluginSearch.Found,
  text: string,
  columns: number
): ReadonlyArray<string> => {
  if (matches.length === 0) {
    return text === ""
      ? ["The account can install no plugins"]
      : wrap(`No plugin matches ${JSON.stringify(text)} (${count(searched, "plugin")})`, columns)
  }
  const isNarrow = matches.some(
    ({ plugin }) => width(plugin.remotePluginId) + indent.length > columns
  )
  return [
    "",
    ...wrap(
      `${matches.length} of ${count(searched, "plugin")}. To install one: codex-plugins install ID${
        isNarrow ? " (--json prints the ids)" : ""
      }`,
      columns
    )
  ]
}

const foundLines = (
  found: PluginSearch.Found,
  text: string,
  columns: number | undefined
): ReadonlyArray<string> => {
  const { matches } = found
  if (columns !== undefined) {
    return [
      ...matches.flatMap((match) => matchLines(match, columns)),
      ...closingLines(found, text, columns)
    ]
  }
  return matches.length === 0
    ? closingLines(found, text, Number.POSITIVE_INFINITY)
    : tableLines(
        ["PLUGIN", "VERSION", "STATE", "REMOTE PLUGIN ID", "DESCRIPTION"],
        matches.map((match) => [
          match.plugin.pluginId,
          versionOf(match),
          noteOf(match) || "-",
          match.plugin.remotePluginId,
          descriptionOf(match)
        ])
      )
}

const foundJson = ({ failures, matches, searched, unreadable }: PluginSearch.Found) => ({
  schemaVersion,
  available: matches.map(remoteJson),
  searched,
  unreadable,
  failures: failures.map(({ error, section }) => ({ section, error: errorJson(error).error }))
})

export const search = Command.make(
  "search",
  {
    codexHome: flags.codexHome,
    json: flags.json,
    words: Argument.String("TEXT").pipe(
      Argument.withDescription("Words of the name or the description (default: all plugins)"),
      Argument.variadic()
    )
  },
  Effect.fn("search")(function* ({ json, words }) {
    const text = words.join(" ").trim()
    const { search } = yield* PluginSearch.PluginSearch
    const found = yield* search(text)
    const { outputColumns } = yield* Screen
    yield* json
      ? printJson(foundJson(found))
      : Console.log(foundLines(found, text, outputColumns).join("\n"))
    for (const { error, section } of found.failures) {
      yield* Effect.logWarning(`could not search ${sectionNames[section]}: ${error.message}`)
    }
    if (found.unreadable > 0) {
      yield* Effect.logWarning(
        `left out ${count(found.unreadable, "plugin")} that the backend describes in an unknown form`
      )
    }
  })
).pipe(
  Command.withDescription("Find plugins that the account can install"),
  Command.withExamples([
    { command: "codex-plugins search github", description: "By name or description" },
    {
      command: "codex-plugins search --json | jq -r '.available[].source.id'",
      description: "The id of every plugin"
    }
  ]),
  Command.provide(({ codexHome }) => online(codexHome))
)
