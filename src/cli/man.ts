/**
 * The manual page, generated from the same definitions as the help.
 */
import { Console, Effect, Option } from "effect"
import { CliOutput, Command, type HelpDoc } from "effect/cli"
import { codes } from "./exit.ts"
import { environment, flagItem, argumentItem, type Item } from "./help.ts"
import { wrap } from "./style.ts"
import { version } from "./version.ts"

/** The width of the source's lines. */
const sourceColumns = 76

/** Escapes text for roff: no escape sequences, no control lines, and hyphens that can be copied. */
const escape = (text: string): string =>
  wrap(text, sourceColumns)
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "...")
    .replace(/^(?=[.'])/gm, "\\&")

const bold = (text: string): string => `\\fB${escape(text)}\\fR`

/** A paragraph with a hanging term. */
const itemLines = ([term, explanation]: Item): ReadonlyArray<string> => [
  ".TP",
  bold(term),
  escape(explanation)
]

const exampleLines = (examples: ReadonlyArray<HelpDoc.ExampleDoc> = []): ReadonlyArray<string> =>
  examples.flatMap(({ command, description = "" }) => [
    ".PP",
    escape(`${description}:`),
    ".RS 4",
    ".nf",
    bold(command),
    ".fi",
    ".RE"
  ])

const commandLines = (name: string, doc: HelpDoc.HelpDoc): ReadonlyArray<string> => [
  `.SS ${escape(name)}`,
  bold(doc.usage),
  ".PP",
  escape(`${doc.description}.`),
  ...(doc.args ?? []).map(argumentItem).flatMap(itemLines),
  ...doc.flags.map(flagItem).flatMap(itemLines),
  ...exampleLines(doc.examples)
]

const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> => [
  `.SH ${title}`,
  ...lines
]

/** The help of a command, as the parser describes it. */
const docOf = Effect.fnUntraced(function* <Name extends string, Input, E, R>(
  root: Command.Command<Name, Input, {}, E, R>,
  args: ReadonlyArray<string>
) {
  let found = Option.none<HelpDoc.HelpDoc>()
  yield* Command.runWith(root, { version })([...args, "--help"]).pipe(
    Effect.provide(
      CliOutput.layerPresenter({
        present: (event) =>
          Effect.sync(() => {
            if (event._tag !== "Version") found = Option.some(event.helpDoc)
          })
      })
    )
  )
  return yield* Effect.fromOption(found)
})

/** Prints the page. */
export const printMan = Effect.fnUntraced(function* <Name extends string, Input, E, R>(
  root: Command.Command<Name, Input, {}, E, R>
) {
  const doc = yield* docOf(root, [])
  const names = (doc.subcommands ?? []).flatMap(({ commands }) => commands.map(({ name }) => name))
  const commands = yield* Effect.forEach(names, (name) =>
    Effect.map(docOf(root, [name]), (doc) => commandLines(name, doc))
  )
  const lines = [
    `.TH CODEX\\-PLUGINS 1 "" "codex\\-plugins ${version}" "User Commands"`,
    ...section("NAME", [
      `codex\\-plugins \\- ${escape(doc.description.toLowerCase().replace("codex", "Codex"))}`
    ]),
    ...section("SYNOPSIS", [
      `${bold("codex-plugins")} \\fICOMMAND\\fR [\\fIFLAGS\\fR]`,
      ".br",
      `${bold("codex-plugins help")} [\\fICOMMAND\\fR]`
    ]),
    ...section("DESCRIPTION", [
      escape(`${doc.description}.`),
      "Results go to standard output, everything else to standard error.",
      escape("A plugin is named by its name, by NAME@MARKETPLACE or by its remote id.")
    ]),
    ...section("COMMANDS", commands.flat()),
    ...section("GLOBAL FLAGS", (doc.globalFlags ?? []).map(flagItem).flatMap(itemLines)),
    ...section(
      "EXIT STATUS",
      codes.flatMap(([code, meaning]) => itemLines([String(code), meaning]))
    ),
    ...section("ENVIRONMENT", environment.flatMap(itemLines))
  ]
  yield* Console.log(lines.join("\n"))
})
