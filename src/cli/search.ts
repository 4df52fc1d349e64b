import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { count, display } from "../internal/display.ts"
import * as Message from "../internal/message.ts"
import * as PluginSearch from "../PluginSearch.ts"
import type * as RemoteCatalog from "../RemoteCatalog.ts"
import { errorJson } from "./errorJson.ts"
import { within } from "./exit.ts"
import * as Flags from "./flags.ts"
import { online } from "./online.ts"
import { printJson, schemaVersion, tableLines } from "./output.ts"
import { accountText, remoteJson } from "./remoteJson.ts"
import { spinning } from "./region.ts"
import { printLines, Screen } from "./screen.ts"
import { cut, type Style, width, wrap } from "./style.ts"

const sectionNames: Readonly<Record<RemoteCatalog.Section, string>> = {
  curated: "the curated plugins",
  createdByMe: "the plugins that the account created",
  workspace: "the plugins of the workspace",
  sharedWithMe: "the plugins that others share"
}

const indent = "  "

const descriptionOf = ({ details: { release } }: PluginSearch.Match): string =>
  display((release.interface.short_description ?? release.description).replace(/\s+/g, " ").trim())

/** A note about the plugin for people who may install it. */
const noteOf = (match: PluginSearch.Match): string =>
  accountText(remoteJson(match)).replace(/^not installed(?:, )?/, "")

const versionOf = ({ plugin }: PluginSearch.Match): string =>
  display(Option.getOrElse(plugin.releaseVersion, () => ""))

/** One plugin with its description and its id below it. */
const matchLines = (
  match: PluginSearch.Match,
  columns: number,
  style: Style
): ReadonlyArray<string> => {
  const { pluginId, remotePluginId } = match.plugin
  const note = noteOf(match)
  const title = [style.bold(pluginId), versionOf(match), note === "" ? "" : style.dim(`(${note})`)]
  const room = columns - indent.length
  const [first = "", ...rest] = wrap(descriptionOf(match), room).split("\n")
  const id = display(remotePluginId)
  return [
    title.filter((part) => part !== "").join(" "),
    ...[first, rest.join(" ")]
      .filter((line) => line !== "")
      .map((line) => `${indent}${cut(line, room)}`),
    ...(width(id) <= room ? [`${indent}${style.cyan(id)}`] : [])
  ]
}

const closingLines = (
  { matches, searched }: PluginSearch.Found,
  text: string,
  columns: number
): ReadonlyArray<string> => {
  const plugins = count(searched, "plugin")
  if (matches.length === 0) {
    return text === ""
      ? ["The account can install no plugins"]
      : [`No plugin matches ${JSON.stringify(text)} (${plugins})`]
  }
  const isNarrow = matches.some(
    ({ plugin }) => width(plugin.remotePluginId) + indent.length > columns
  )
  return [
    "",
    `${matches.length} of ${plugins}. To install one: codex-plugins install ID${
      isNarrow ? " (--json prints the ids)" : ""
    }`
  ]
}

const foundLines = (
  found: PluginSearch.Found,
  text: string,
  columns: number | undefined,
  style: Style
): ReadonlyArray<string> => {
  const { matches } = found
  if (columns !== undefined || matches.length === 0) {
    const { POSITIVE_INFINITY: unlimited } = Number
    return [
      ...matches.flatMap((match) => matchLines(match, columns ?? unlimited, style)),
      ...closingLines(found, text, columns ?? unlimited)
    ]
  }
  return tableLines(
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
    codexHome: Flags.codexHome,
    json: Flags.json,
    timeout: Flags.timeout,
    words: Argument.String("TEXT").pipe(
      Argument.withDescription("Words of the name or the description (default: all plugins)"),
      Argument.variadic()
    )
  },
  Effect.fn("search")(function* ({ json, timeout, words }) {
    const text = words.join(" ").trim()
    const { search } = yield* PluginSearch.PluginSearch
    const found = yield* search(text).pipe(
      spinning(() => "Reading the catalogue"),
      within(timeout)
    )
    const { outputColumns } = yield* Screen
    yield* json
      ? printJson(foundJson(found))
      : printLines((style) => foundLines(found, text, outputColumns, style))
    for (const { error, section } of found.failures) {
      yield* Effect.logWarning(
        `could not search ${sectionNames[section]}: ${Message.withoutOperation(error)}`
      )
    }
    if (found.unreadable > 0) {
      yield* Effect.logWarning(
        `left out ${count(found.unreadable, "plugin")} that the backend describes in an unknown format`
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
