/**
 * Completes a command line for the scripts of `--completions`: commands, flags, values, and the names
 * of cached plugins. Reads only the cache.
 *
 * The output is one candidate in each line, with its description after a tab. The last line tells
 * the shell how to continue: `:none`, `:folders` or `:command`.
 */
import { Console, Effect, Option } from "effect"
import { type Command, Completions } from "effect/cli"
import { display } from "../internal/display.ts"
import * as PluginId from "../PluginId.ts"
import * as PluginStore from "../PluginStore.ts"
import * as RemotePluginId from "../RemotePluginId.ts"
import { offline } from "./offline.ts"

interface Candidate {
  readonly value: string
  readonly description: string
}

interface Completion {
  readonly candidates: ReadonlyArray<Candidate>
  readonly rest: "none" | "folders" | "command"
}

const nothing: Completion = { candidates: [], rest: "none" }

/** The flags whose value is a folder. */
const folderFlags: ReadonlySet<string> = new Set(["codex-home", "from", "seed"])

/** The flags of every command. */
const globalFlags: ReadonlyArray<Completions.FlagDescriptor> = [
  {
    name: "help",
    aliases: ["h"],
    description: "Show help information",
    type: { _tag: "Boolean" },
    optionalValue: false,
    negation: false
  },
  {
    name: "log-level",
    aliases: [],
    description: "Sets the minimum log level",
    type: {
      _tag: "Choice",
      values: ["all", "trace", "debug", "info", "warn", "error", "fatal", "none"]
    },
    optionalValue: false,
    negation: false
  }
]

/** The flags that only the program itself has. */
const rootFlags: ReadonlyArray<Completions.FlagDescriptor> = [
  ...globalFlags,
  {
    name: "version",
    aliases: ["v"],
    description: "Show version information",
    type: { _tag: "Boolean" },
    optionalValue: false,
    negation: false
  },
  {
    name: "completions",
    aliases: [],
    description: "Print shell completion script",
    type: { _tag: "Choice", values: ["bash", "zsh", "fish", "powershell"] },
    optionalValue: false,
    negation: false
  }
]

const isValued = ({ type }: Completions.FlagDescriptor): boolean => type._tag !== "Boolean"

/** The flag in a word such as `--wait`, `--wait=5s` or `-q`. */
const flagNamed = (word: string, flags: ReadonlyArray<Completions.FlagDescriptor>) => {
  const [name = ""] = word.replace(/^--?/, "").split("=")
  return word.startsWith("--")
    ? flags.find((flag) => flag.name === name)
    : flags.find(({ aliases }) => aliases.includes(name))
}

const flagsAmong = (
  flags: ReadonlyArray<Completions.FlagDescriptor>,
  used: ReadonlyArray<string>
): Completion => ({
  candidates: flags
    .filter((flag) => flag.name === "seed" || !used.some((word) => flagNamed(word, flags) === flag))
    .map(({ description = "", name }) => ({ value: `--${name}`, description })),
  rest: "none"
})

const valuesOf = ({ name, type }: Completions.FlagDescriptor): Completion => {
  if (folderFlags.has(name)) return { candidates: [], rest: "folders" }
  return type._tag === "Choice"
    ? {
        candidates: type.values.map((value) => ({ value: String(value), description: "" })),
        rest: "none"
      }
    : nothing
}

/** Words that are neither flags nor their values. */
const operandsOf = (
  words: ReadonlyArray<string>,
  flags: ReadonlyArray<Completions.FlagDescriptor>
): ReadonlyArray<string> =>
  words.filter((word, index) => {
    if (word.startsWith("-")) return false
    const before = words[index - 1] ?? ""
    const flag = before.startsWith("-") ? flagNamed(before, flags) : undefined
    return flag === undefined || !isValued(flag) || before.includes("=")
  })

const valueOf = (name: string, words: ReadonlyArray<string>): Option.Option<string> => {
  const index = words.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`))
  if (index === -1) return Option.none()
  const [, value = words[index + 1]] = words[index]!.split(/=(.*)/s)
  return Option.fromUndefinedOr(value)
}

/**
 * The names of the cached plugins. A bare name if it is unambiguous; the longer forms once they
 * have been started.
 */
const pluginNames = Effect.fnUntraced(
  function* (current: string, words: ReadonlyArray<string>, given: ReadonlyArray<string>) {
    const plugins = yield* Effect.flatMap(PluginStore.PluginStore, ({ list }) => list).pipe(
      Effect.provide(offline(valueOf("codex-home", words)))
    )
    const names = plugins.map(({ pluginId }) => PluginId.name(pluginId))
    const isUnique = (name: string) => names.filter((other) => other === name).length === 1
    const candidates: Array<Candidate> = []
    for (const { active, identity, pluginId } of plugins) {
      const name = PluginId.name(pluginId)
      const version = Option.getOrElse(active, () => "")
      const description = `${version} ${PluginId.marketplace(pluginId)}`.trim()
      if (isUnique(name)) candidates.push({ value: name, description })
      if (!isUnique(name) || current.includes("@")) {
        candidates.push({ value: pluginId, description })
      }
      if (current === "" || identity._tag !== "Known") continue
      // A sidecar may contain any text, and a shell might run it as a command.
      if (RemotePluginId.isAddressable(identity.remotePluginId)) {
        candidates.push({ value: identity.remotePluginId, description: pluginId })
      }
    }
    return {
      candidates: candidates.filter(({ value }) => !given.includes(value)),
      rest: "none"
    } satisfies Completion
  },
  Effect.orElseSucceed(() => nothing)
)

/** The candidates for the last of the words. */
const completionOf = (
  root: Completions.CommandDescriptor,
  words: ReadonlyArray<string>
): Effect.Effect<Completion, never, Effect.Services<ReturnType<typeof pluginNames>>> => {
  const current = words.at(-1) ?? ""
  const before = words.slice(0, -1)
  const commands: Completion = {
    candidates: root.subcommands.map(({ description = "", name }) => ({
      value: name,
      description
    })),
    rest: "none"
  }
  const name = operandsOf(before, rootFlags)[0]
  const command = root.subcommands.find((command) => command.name === name)
  const flags = command === undefined ? rootFlags : [...command.flags, ...globalFlags]
  if (before.includes("--")) {
    return Effect.succeed(name === "run" ? { candidates: [], rest: "command" } : nothing)
  }
  const previous = before.at(-1) ?? ""
  const flag = previous.startsWith("-") ? flagNamed(previous, flags) : undefined
  if (flag !== undefined && isValued(flag) && !previous.includes("=")) {
    return Effect.succeed(valuesOf(flag))
  }
  if (current.startsWith("--") && current.includes("=")) {
    const given = flagNamed(current, flags)
    const prefix = current.slice(0, current.indexOf("=") + 1)
    const { candidates, rest } = given === undefined ? nothing : valuesOf(given)
    return Effect.succeed({
      candidates: candidates.map(({ description, value }) => ({
        value: `${prefix}${value}`,
        description
      })),
      rest
    })
  }
  if (current.startsWith("-")) return Effect.succeed(flagsAmong(flags, before))
  if (name === undefined) {
    const help = { value: "help", description: "Explain a command" }
    return Effect.succeed({ ...commands, candidates: [...commands.candidates, help] })
  }
  const given = operandsOf(before, flags).slice(1)
  if (name === "help") return Effect.succeed(given.length === 0 ? commands : nothing)
  const argument = command?.arguments[given.length] ?? command?.arguments.at(-1)
  const isOpen = argument !== undefined && (argument.variadic || given.length === 0)
  return isOpen && argument.name === "PLUGIN"
    ? pluginNames(current, before, given)
    : Effect.succeed(nothing)
}

/** Prints the candidates for the last word. */
export const complete = Effect.fnUntraced(function* (
  root: Command.Command.Any,
  words: ReadonlyArray<string>
) {
  const { candidates, rest } = yield* completionOf(Completions.fromCommand(root), words)
  const current = words.at(-1) ?? ""
  const lines = candidates
    .filter(({ value }) => value.startsWith(current))
    .map(
      ({ description, value }) =>
        display(value) + (description === "" ? "" : `\t${display(description)}`)
    )
  yield* Console.log([...lines, `:${rest}`].join("\n"))
})
