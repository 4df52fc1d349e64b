/**
 * The help of a command, at the width of the terminal.
 */
import { Option } from "effect"
import type { HelpDoc } from "effect/cli"
import { codes } from "./exit.ts"
import * as Flags from "./flags.ts"
import { type Style, width, wrap } from "./style.ts"

/** A term and its explanation. */
export type Item = readonly [term: string, explanation: string]

/** The format of the help. */
interface Layout {
  readonly columns: number
  readonly style: Style
}

/** Wider terms have their explanation on the next line. */
const widestTerm = 24

/** On narrower terminals, all explanations are on the next line. */
const leastColumns = 60

/** Lines are no wider than this on a wider terminal, to stay readable. */
const mostColumns = 120

const lines = (text: string, columns: number): ReadonlyArray<string> =>
  wrap(text, columns).split("\n")

const indented = (text: string, indent: number, { columns }: Layout): ReadonlyArray<string> =>
  lines(text, columns - indent).map((line) => `${" ".repeat(indent)}${line}`)

/** A heading and lines below it; empty without lines. */
const section = (
  title: string,
  content: ReadonlyArray<string>,
  layout: Layout
): ReadonlyArray<string> => (content.length === 0 ? [] : ["", layout.style.bold(title), ...content])

/** Two columns if they fit, else each explanation below its term. */
const itemLines = (items: ReadonlyArray<Item>, layout: Layout): ReadonlyArray<string> => {
  const { columns, style } = layout
  const isNarrow = columns < leastColumns
  const terms = items.map(([term]) => width(term)).filter((columns) => columns <= widestTerm)
  const column = isNarrow ? 6 : Math.max(4, ...terms) + 4
  return items.flatMap(([term, explanation]) => {
    const below = indented(explanation, column, layout)
    const isBeside = !isNarrow && width(term) + 4 <= column
    if (!isBeside) {
      return [...indented(term, 2, layout).map(style.cyan), ...below]
    }
    const gap = " ".repeat(column - 2 - width(term))
    return [`  ${style.cyan(term)}${gap}${below[0]?.trimStart() ?? ""}`, ...below.slice(1)]
  })
}

/** A command that can be copied, with line breaks that a shell accepts. */
const commandLines = (command: string, indent: number, layout: Layout): ReadonlyArray<string> =>
  lines(command, layout.columns - indent - 4).map((line, index, all) =>
    [
      " ".repeat(index === 0 ? indent : indent + 2),
      line,
      index === all.length - 1 ? "" : " \\"
    ].join("")
  )

const metavars: Readonly<Record<string, string>> = {
  completions: "SHELL",
  "log-level": "LEVEL",
  remove: "POLICY",
  "refresh-with": "PROGRAM"
}

/** A flag with its aliases and value, and the variable that sets it. */
export const flagItem = ({ aliases, description, name, type }: HelpDoc.FlagDoc): Item => {
  const variable = Flags.variableOf(name)
  const value = type === "boolean" ? "" : ` ${metavars[name] ?? type}`
  const names = [...aliases.filter((alias) => !alias.startsWith("--")), `--${name}`]
  const text = Option.getOrElse(description, () => "")
  return [
    `${names.join(", ")}${value}`,
    `${text}${variable === undefined ? "" : ` [$${variable}]`}`
  ]
}

/** An argument, in brackets if it is optional. */
export const argumentItem = ({ description, name, required, variadic }: HelpDoc.ArgDoc): Item => [
  `${required ? name : `[${name}]`}${variadic ? "..." : ""}`,
  Option.getOrElse(description, () => "")
]

/** The exit codes, for people. */
const exitCodes: ReadonlyArray<Item> = codes.map(([code, meaning]) => [String(code), meaning])

/** The environment variables that the program reads. */
export const environment: ReadonlyArray<Item> = [
  ["CODEX_HOME", "The Codex home, unless --codex-home names one"],
  ...Flags.variableNames.map((variable): Item => {
    const flag = variable.replace("CODEX_PLUGINS_", "--").toLowerCase()
    return variable === Flags.variableOf("offline")
      ? [variable, `The default of ${flag}; a command that needs the backend then fails at once`]
      : [variable, `The default of ${flag}`]
  }),
  ["HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "The proxy, as Codex uses it"],
  [
    "CODEX_CA_CERTIFICATE, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS",
    "A file of certificate authorities to trust, too"
  ],
  ["CI", "If not empty, progress is printed as lines"],
  ["NO_COLOR", "If not empty, nothing is coloured"],
  ["FORCE_COLOR", "If neither empty nor 0, output is coloured without a terminal, too"]
]

/** The text of `--help`. The root command's also explains exit codes and environment. */
export const format = (
  {
    args = [],
    description,
    examples = [],
    flags: own,
    globalFlags = [],
    subcommands,
    usage
  }: HelpDoc.HelpDoc,
  options: Layout
): string => {
  const layout = { ...options, columns: Math.min(Math.max(options.columns, 20), mostColumns) }
  const commands = subcommands?.flatMap(({ commands }) => commands) ?? []
  const items = (title: string, items: ReadonlyArray<Item>) =>
    section(title, itemLines(items, layout), layout)
  const isRoot = commands.length > 0
  return [
    ...lines(description, layout.columns),
    ...section("USAGE", commandLines(usage, 2, layout), layout),
    ...items("ARGUMENTS", args.map(argumentItem)),
    ...items(
      "COMMANDS",
      commands.map(({ description, name }): Item => [name, description])
    ),
    ...items("FLAGS", own.map(flagItem)),
    ...items("GLOBAL FLAGS", globalFlags.map(flagItem)),
    ...section(
      "EXAMPLES",
      examples.flatMap(({ command, description = "" }) => [
        ...commandLines(command, 2, layout),
        ...indented(description, 6, layout)
      ]),
      layout
    ),
    ...(isRoot ? items("EXIT CODES", exitCodes) : []),
    ...(isRoot ? items("ENVIRONMENT", environment) : []),
    "",
    ...lines(
      isRoot
        ? "`codex-plugins help COMMAND` explains a command."
        : "`codex-plugins help` explains the exit codes and the environment.",
      layout.columns
    )
  ].join("\n")
}
