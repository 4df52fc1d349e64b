import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { count, display } from "../internal/display.ts"
import * as PluginVerifier from "../PluginVerifier.ts"
import { reasonOf } from "./advice.ts"
import { CommandFailed, SomePluginsDiffer, within } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Names from "./names.ts"
import { online } from "./online.ts"
import { printJson, schemaVersion } from "./output.ts"
import { spinning } from "./region.ts"
import { marks, shortNames } from "./results.ts"
import { printLines } from "./screen.ts"
import { helpLine, type Style } from "./style.ts"

/** The number of files of one kind that are printed for people. */
const mostFiles = 10

/** The files with one kind of difference. */
const fileLines = (
  mark: string,
  files: ReadonlyArray<string>,
  state: string,
  style: Style
): ReadonlyArray<string> => [
  ...files
    .slice(0, mostFiles)
    .map((file) => `   ${mark} ${display(file)} ${style.dim(`(${state})`)}`),
  ...(files.length > mostFiles ? [`   ${mark} and ${files.length - mostFiles} more`] : [])
]

const resultLines = (
  result: PluginVerifier.Result,
  nameOf: (pluginId: string) => string,
  verbose: boolean,
  style: Style
): ReadonlyArray<string> => {
  const name = style.bold(display(nameOf(result.pluginId)))
  const failure = ` ${style.red(marks.failure)} ${name}`
  const notice = ` ${style.yellow(marks.notice)} ${name}`
  switch (result._tag) {
    case "Verified":
      return verbose ? [` ${style.green(marks.passed)} ${name} ${result.version}`] : []
    case "Different": {
      const { added, changed, missing } = result.difference
      return [
        result.repaired
          ? ` ${style.yellow("~")} ${name} ${result.version}: repaired; it differed from the account's bundle`
          : `${failure} ${result.version}: differs from the account's bundle`,
        ...fileLines(style.green("+"), added, "added", style),
        ...fileLines(style.red("-"), missing, "missing", style),
        ...fileLines(style.yellow("~"), changed, "changed", style)
      ]
    }
    case "Outdated":
      return [`${notice} ${result.version}: outdated; the account has ${result.current}`]
    case "NotCached":
      return [`${failure}: not cached`]
    case "NotListed":
      return [
        `${notice} ${result.version}: not on the account, so there is nothing to compare with`
      ]
    case "Failed": {
      const { cause, remedy } = reasonOf(result.error, [result.pluginId])
      return [
        `${failure}: ${display(cause)}`,
        ...(remedy === null ? [] : [helpLine(remedy, style)])
      ]
    }
  }
}

const closings = [
  ["Different", "different"],
  ["Outdated", "outdated"],
  ["NotCached", "not cached"],
  ["NotListed", "not on the account"],
  ["Failed", "failed"]
] as const

/** The counts, and the remedy for plugins with differences. */
const closingLines = (
  results: ReadonlyArray<PluginVerifier.Result>,
  style: Style
): ReadonlyArray<string> => {
  const of = (tag: PluginVerifier.Result["_tag"]) => results.filter(({ _tag }) => _tag === tag)
  const repaired = of("Different").filter((result) => "repaired" in result && result.repaired)
  const different = of("Different").length - repaired.length
  const counts = closings.flatMap(([tag, text]) => {
    const n = tag === "Different" ? different : of(tag).length
    const isFailure = tag === "Different" || tag === "NotCached" || tag === "Failed"
    return n === 0 ? [] : [isFailure ? style.red(`${n} ${text}`) : `${n} ${text}`]
  })
  return [
    [
      `Verified ${of("Verified").length} of ${count(results.length, "plugin")}`,
      ...(repaired.length === 0 ? [] : [`${repaired.length} repaired`]),
      ...counts
    ].join(", "),
    ...(different === 0 ? [] : [helpLine("reinstall with `codex-plugins verify --repair`", style)]),
    ...(of("Outdated").length + of("NotCached").length === 0
      ? []
      : [helpLine("update the cache with `codex-plugins sync`", style)])
  ]
}

const reportLines = (
  results: ReadonlyArray<PluginVerifier.Result>,
  verbose: boolean,
  style: Style
) => {
  const nameOf = shortNames(results.map(({ pluginId }) => pluginId))
  return [
    ...results.flatMap((result) => resultLines(result, nameOf, verbose, style)),
    ...closingLines(results, style)
  ]
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

interface Output {
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
}

const printReport = (
  { isOk, results }: PluginVerifier.Report,
  { json, quiet, verbose }: Output
) => {
  if (json) return printJson({ schemaVersion, isOk, results: results.map(resultJson) })
  return quiet && isOk ? Effect.void : printLines((style) => reportLines(results, verbose, style))
}

export const verify = Command.make(
  "verify",
  {
    codexHome: Flags.codexHome,
    json: Flags.json,
    quiet: Flags.quiet("Print nothing if every plugin is as in its bundle"),
    repair: Flags.toggle(
      "repair",
      "Install the account's bundle in place of a version that differs"
    ),
    timeout: Flags.timeout,
    verbose: Flags.verbose("Print the plugins that are as in their bundles, too"),
    wait: Flags.wait,
    plugins: Names.plugin.pipe(Argument.variadic())
  },
  Effect.fn("verify")(function* ({ plugins, repair, timeout, ...output }) {
    const pluginIds = yield* Effect.forEach(plugins, (plugin) =>
      Effect.flatMap(Names.resolve(plugin), ({ pluginId }) =>
        Option.isSome(pluginId)
          ? Effect.succeed(pluginId.value)
          : Effect.fail(new CommandFailed({ why: `${plugin} is not cached` }))
      )
    )
    const { verify } = yield* PluginVerifier.PluginVerifier
    let shown = "Reading the account's plugins"
    const report = yield* verify({
      repair,
      plugins: pluginIds.length === 0 ? undefined : pluginIds,
      onResult: ({ done, total }) =>
        Effect.sync(() => {
          shown = `Compared ${done} of ${count(total, "plugin")} with the account's bundles`
        })
    }).pipe(
      spinning(() => shown),
      within(timeout)
    )
    yield* printReport(report, output)
    if (!report.isOk) return yield* new SomePluginsDiffer()
  })
).pipe(
  Command.withDescription("Compare the cached files with the account's bundles"),
  Command.withExamples([
    { command: "codex-plugins verify", description: "Every plugin" },
    { command: "codex-plugins verify github --repair", description: "Reinstall it if it differs" }
  ]),
  Command.provide(({ codexHome, wait }) => online(codexHome, { lock: { waitLimit: wait } }))
)
