import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { display } from "../internal/display.ts"
import * as PluginVerifier from "../PluginVerifier.ts"
import { reasonOf } from "./advice.ts"
import { CommandFailed, SomePluginsDiffer } from "./exit.ts"
import * as flags from "./flags.ts"
import * as names from "./names.ts"
import { online } from "./online.ts"
import { printJson, schemaVersion } from "./output.ts"
import { count } from "./results.ts"

/** How many files of one kind are printed for people. */
const mostFiles = 10

const fileLines = (mark: string, files: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...files.slice(0, mostFiles).map((file) => `     ${mark} ${display(file)}`),
  ...(files.length > mostFiles ? [`     ${mark} and ${files.length - mostFiles} more`] : [])
]

const resultLines = (result: PluginVerifier.Result): ReadonlyArray<string> => {
  const { pluginId } = result
  switch (result._tag) {
    case "Verified":
      return []
    case "Different":
      return [
        ` ! ${pluginId} ${result.version} differs from the account's bundle${result.repaired ? "; repaired" : ""}`,
        ...fileLines("+", result.difference.added),
        ...fileLines("-", result.difference.missing),
        ...fileLines("~", result.difference.changed)
      ]
    case "Outdated":
      return [` ? ${pluginId} ${result.version} is outdated: the account has ${result.current}`]
    case "NotCached":
      return [` ! ${pluginId} is not cached: sync installs it`]
    case "NotListed":
      return [` ? ${pluginId} ${result.version} is not on the account: nothing to compare with`]
    case "Failed": {
      const { cause, remedy } = reasonOf(result.error, [pluginId])
      return [
        ` ! ${pluginId}: ${display(cause)}`,
        ...(remedy === null ? [] : [`   help: ${display(remedy)}`])
      ]
    }
  }
}

const resultJson = (result: PluginVerifier.Result) => {
  const { _tag, ...rest } = result
  const state = `${_tag.charAt(0).toLowerCase()}${_tag.slice(1)}`
  if (!("error" in rest)) return { ...rest, state }
  const { error, pluginId } = rest
  return {
    pluginId,
    state,
    error: { tag: error._tag, message: error.message, remedy: reasonOf(error, [pluginId]).remedy }
  }
}

const printReport = ({ isOk, results }: PluginVerifier.Report, json: boolean) => {
  if (json) return printJson({ schemaVersion, isOk, results: results.map(resultJson) })
  const verified = results.filter(({ _tag }) => _tag === "Verified").length
  return Console.log(
    [
      ...results.flatMap(resultLines),
      `${count(verified, "plugin")} of ${results.length} verified${isOk ? "" : "; `codex-plugins verify --repair` reinstalls what differs"}`
    ].join("\n")
  )
}

export const verify = Command.make(
  "verify",
  {
    codexHome: flags.codexHome,
    json: flags.json,
    repair: Flag.Boolean("repair").pipe(
      Flag.withDescription("Install the account's bundle in place of a version that differs"),
      Flag.withDefault(false)
    ),
    plugins: names.plugin.pipe(Argument.variadic())
  },
  Effect.fn("verify")(function* ({ json, plugins, repair }) {
    const pluginIds = yield* Effect.forEach(plugins, (plugin) =>
      Effect.flatMap(names.resolve(plugin), ({ pluginId }) =>
        Option.isSome(pluginId)
          ? Effect.succeed(pluginId.value)
          : Effect.fail(new CommandFailed({ message: `${plugin} is not cached` }))
      )
    )
    const { verify } = yield* PluginVerifier.PluginVerifier
    const report = yield* verify({
      repair,
      ...(pluginIds.length === 0 ? {} : { plugins: pluginIds })
    })
    yield* printReport(report, json)
    if (!report.isOk) return yield* new SomePluginsDiffer()
  })
).pipe(
  Command.withDescription("Compare the cached files with the account's bundles"),
  Command.withExamples([
    { command: "codex-plugins verify", description: "Every plugin" },
    { command: "codex-plugins verify github --repair", description: "Reinstall it if it differs" }
  ]),
  Command.provide(({ codexHome }) => online(codexHome))
)
