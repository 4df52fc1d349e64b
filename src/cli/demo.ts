import { Effect } from "effect"
import { Command } from "effect/cli"

export const demo = Command.make("demo", {}, () =>
  // Loaded only when it runs, because the demo contains a backend.
  Effect.flatMap(
    Effect.promise(() => import("./demoStory.ts")),
    ({ demoStory }) => demoStory
  )
).pipe(
  Command.withDescription(
    "Show a cached plugin's whole life, with an embedded backend and a temporary home"
  )
)
