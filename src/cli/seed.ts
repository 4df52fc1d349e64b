import { Effect, Layer } from "effect"
import { home } from "./offline.ts"
import { Command, Flag } from "effect/cli"
import * as CacheLock from "../CacheLock.ts"
import { count, display } from "../internal/display.ts"
import * as PluginSeed from "../PluginSeed.ts"
import * as PluginStore from "../PluginStore.ts"
import { reasonOf, reasonText } from "./advice.ts"
import { SomePluginsFailed } from "./exit.ts"
import * as Flags from "./flags.ts"
import { printJson, schemaVersion } from "./output.ts"
import { marks } from "./results.ts"
import { printLines } from "./screen.ts"
import type { Style } from "./style.ts"

const reasons: Readonly<Record<PluginSeed.SkipReason, string>> = {
  Broken: "its version is broken there",
  InDoubt: "its identity is in doubt there",
  UnreadableIdentity: "its identity cannot be read there",
  ChangedDuringCopy: "it kept changing there"
}

const outcomeLines = (
  { failures, kept, seeded, skipped }: PluginSeed.Outcome,
  style: Style
): ReadonlyArray<string> => [
  ...seeded.map(
    ({ pluginId, version }) =>
      ` ${style.green("+")} ${style.bold(display(pluginId))} ${style.dim(display(version))}`
  ),
  ...skipped.map(
    ({ pluginId, reason }) =>
      ` ${style.yellow(marks.notice)} ${display(pluginId)} (${reasons[reason]})`
  ),
  ...failures.map(
    ({ error, pluginId }) =>
      ` ${style.red(marks.failure)} ${display(`${pluginId}: ${reasonText(error, [pluginId])}`)}`
  ),
  seeded.length + skipped.length + failures.length === 0
    ? `Nothing to seed (${count(kept.length, "plugin")} already here)`
    : `${seeded.length} seeded, ${kept.length} already here, ${skipped.length} skipped, ${failures.length} failed`
]

const outcomeJson = ({ failures, ...outcome }: PluginSeed.Outcome) => ({
  schemaVersion,
  ...outcome,
  failures: failures.map(({ error, pluginId }) => ({
    pluginId,
    tag: error._tag,
    message: error.message,
    error: {
      tag: error._tag,
      message: error.message,
      remedy: reasonOf(error, [pluginId]).remedy
    }
  }))
})

export const seed = Command.make(
  "seed",
  {
    codexHome: Flags.codexHome,
    from: Flag.String("from").pipe(
      Flag.withMetavar("HOME"),
      Flag.withDescription("The Codex home whose plugins are copied")
    ),
    json: Flags.json,
    quiet: Flags.quiet("Print nothing if every plugin is here already"),
    wait: Flags.wait
  },
  Effect.fn("seed")(function* ({ from, json, quiet }) {
    const { seed } = yield* PluginSeed.PluginSeed
    const outcome = yield* seed({ from })
    const { failures, seeded, skipped } = outcome
    if (json) yield* printJson(outcomeJson(outcome))
    else if (!quiet || seeded.length + skipped.length + failures.length > 0) {
      yield* printLines((style) => outcomeLines(outcome, style))
    }
    if (failures.length > 0) return yield* new SomePluginsFailed()
  })
).pipe(
  Command.withDescription("Copy the plugins of another home into this one, offline"),
  Command.withExamples([
    {
      command: "codex-plugins seed --from ~/.codex --codex-home /tmp/session",
      description: "Fill the home of a session"
    }
  ]),
  Command.provide(({ codexHome, wait }) =>
    PluginSeed.layer.pipe(
      Layer.provide(PluginStore.layer),
      Layer.provide(CacheLock.layerWith({ waitLimit: wait })),
      Layer.provide(home(codexHome))
    )
  )
)
