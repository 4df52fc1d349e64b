import { Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { HttpClient } from "effect/http"
import { count, display } from "../internal/display.ts"
import * as PluginDoctor from "../PluginDoctor.ts"
import { ProblemsFound } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Online from "./online.ts"
import { printJson } from "./output.ts"
import { spinning } from "./region.ts"
import { marks } from "./results.ts"
import { printLines } from "./screen.ts"
import { helpLine, type Style } from "./style.ts"

const signs: Readonly<
  Record<PluginDoctor.Status, readonly [color: "green" | "yellow" | "red", mark: string]>
> = {
  ok: ["green", marks.passed],
  warning: ["yellow", marks.notice],
  error: ["red", marks.failure]
}

const checkLines = (
  { details, id, remediation, status, summary }: PluginDoctor.Check,
  style: Style
): ReadonlyArray<string> => {
  const [color, mark] = signs[status]
  return [
    ` ${style[color](mark)} ${style.bold(id)}: ${display(summary)}`,
    ...(status === "ok"
      ? []
      : Object.entries(details)
          // The summary already gives the reason in words.
          .filter(([key]) => key !== "reason")
          .map(([key, value]) => style.dim(`   ${display(`${key}: ${value}`)}`))),
    ...(remediation === null ? [] : [helpLine(remediation, style)])
  ]
}

/** The lines of a report: each fix, each check, and a closing line. */
const reportLines = (
  { checks, fixed }: PluginDoctor.Report,
  verbose: boolean,
  style: Style
): ReadonlyArray<string> => {
  const all = Object.values(checks)
  const of = (status: PluginDoctor.Status) => all.filter((check) => check.status === status)
  const [errors, warnings, passed] = [of("error"), of("warning"), of("ok")]
  const shown = [...(verbose ? passed : []), ...warnings, ...errors]
  const problems = [
    ...(errors.length === 0 ? [] : [style.red(count(errors.length, "error"))]),
    ...(warnings.length === 0 ? [] : [style.yellow(count(warnings.length, "warning"))])
  ]
  return [
    ...fixed.map((line) => ` ${style.yellow("~")} ${display(line)}`),
    ...shown.flatMap((check) => checkLines(check, style)),
    problems.length === 0
      ? `No problems found ${style.dim(`(${count(all.length, "check")})`)}`
      : `${problems.join(", ")} ${style.dim(`(${count(all.length, "check")})`)}`
  ]
}

/**
 * The doctor reports an unusable certificate file and then sends no request. For every other
 * command such a file is an error.
 */
const layerHttp = Layer.catchTag(Online.layerHttp, "CertificateFileError", () =>
  Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make(() => Effect.die(new Error("nothing is trusted")))
  )
)

export const doctor = Command.make(
  "doctor",
  {
    codexHome: Flags.codexHome,
    json: Flags.json,
    offline: Flags.offline("Do not ask the backend"),
    fix: Flags.toggle("fix", "First repair what is safe to repair"),
    quiet: Flags.quiet("Print nothing if there are no problems"),
    verbose: Flags.verbose("Print the checks that passed, too"),
    wait: Flags.wait
  },
  Effect.fn("doctor")(function* ({ fix, json, offline, quiet, verbose }) {
    const { examine } = yield* PluginDoctor.PluginDoctor
    const report = yield* examine({ fix, offline }).pipe(spinning(() => "Checking"))
    if (json) yield* printJson(report)
    else if (!quiet || report.overallStatus !== "ok" || report.fixed.length > 0) {
      yield* printLines((style) => reportLines(report, verbose, style))
    }
    if (report.overallStatus === "error") return yield* new ProblemsFound()
  })
).pipe(
  Command.withDescription("Check the home, the account, the network and the cache"),
  Command.withExamples([
    { command: "codex-plugins doctor", description: "Say what needs attention" },
    { command: "codex-plugins doctor --fix --offline", description: "Repair the cache offline" }
  ]),
  Command.provide(({ codexHome, wait }) =>
    Online.servicesOver(layerHttp, codexHome, { lock: { waitLimit: wait } })
  )
)
