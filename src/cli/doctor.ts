import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { display } from "../internal/display.ts"
import * as PluginDoctor from "../PluginDoctor.ts"
import { ProblemsFound } from "./exit.ts"
import * as flags from "./flags.ts"
import { online } from "./online.ts"
import { printJson } from "./output.ts"
import { count } from "./results.ts"

const marks: Readonly<Record<PluginDoctor.Status, string>> = { ok: " ", warning: "?", error: "!" }

const checkLines = ({ id, remediation, status, summary }: PluginDoctor.Check) => [
  ` ${marks[status]} ${id}: ${display(summary)}`,
  ...(remediation === null ? [] : [`   help: ${display(remediation)}`])
]

/** The lines of a report: each fix, each check, and a closing line. */
export const reportLines = (
  { checks, fixed }: PluginDoctor.Report,
  verbose: boolean
): ReadonlyArray<string> => {
  const all = Object.values(checks)
  const errors = all.filter(({ status }) => status === "error")
  const warnings = all.filter(({ status }) => status === "warning")
  const passed = all.filter(({ status }) => status === "ok")
  return [
    ...fixed.map((line) => ` ~ ${display(line)}`),
    ...[...(verbose ? passed : []), ...warnings, ...errors].flatMap(checkLines),
    errors.length + warnings.length === 0
      ? `No problems found (${count(all.length, "check")})`
      : `${count(errors.length, "error")}, ${count(warnings.length, "warning")}, ${passed.length} of ${count(all.length, "check")} passed`
  ]
}

export const doctor = Command.make(
  "doctor",
  {
    codexHome: flags.codexHome,
    json: flags.json,
    offline: Flag.Boolean("offline").pipe(
      Flag.withDescription("Do not ask the backend"),
      Flag.withDefault(false)
    ),
    fix: Flag.Boolean("fix").pipe(
      Flag.withDescription("First repair what is safe to repair"),
      Flag.withDefault(false)
    ),
    verbose: Flag.Boolean("verbose").pipe(
      Flag.withDescription("Print the checks that passed, too"),
      Flag.withDefault(false)
    )
  },
  Effect.fn("doctor")(function* ({ fix, json, offline, verbose }) {
    const { examine } = yield* PluginDoctor.PluginDoctor
    const report = yield* examine({ fix, offline })
    yield* json ? printJson(report) : Console.log(reportLines(report, verbose).join("\n"))
    if (report.overallStatus === "error") return yield* new ProblemsFound()
  })
).pipe(
  Command.withDescription("Check the home, the account, the network and the cache"),
  Command.withExamples([
    { command: "codex-plugins doctor", description: "Say what needs attention" },
    { command: "codex-plugins doctor --fix --offline", description: "Repair the cache offline" }
  ]),
  Command.provide(({ codexHome }) => online(codexHome))
)
