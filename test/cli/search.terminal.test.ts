import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { plugins } from "../support/searchPlugins.ts"
import { world } from "../support/shell.ts"
import * as Terminal from "../support/terminal.ts"

describe.skipIf(!Terminal.isAvailable)("search on a terminal", () => {
  it.live.each([
    [
      80,
      [
        "git-barred@openai-curated-remote 1.0.0 (disabled by administrator)",
        "  The plugin git-barred",
        "  plugins~Plugin_git-barred",
        "github@openai-curated-remote 1.4.0",
        "  Reads issues and pull requests, reviews changes, and watches the checks of a",
        "  branch.",
        "  plugins~Plugin_4a801f4b45ac106fee1221b820cd852b",
        "gitlab@openai-curated-remote 1.0.0 (installed)",
        "  \\u001b[31mMerge requests",
        "  plugins~Plugin_gitlab",
        "",
        "3 of 4 plugins. To install one: codex-plugins install ID",
        ""
      ]
    ],
    [
      40,
      [
        "git-barred@openai-curated-remote 1.0.0",
        "(disabled by administrator)",
        "  The plugin git-barred",
        "  plugins~Plugin_git-barred",
        "github@openai-curated-remote 1.4.0",
        "  Reads issues and pull requests,",
        "  reviews changes, and watches the chec…",
        "gitlab@openai-curated-remote 1.0.0",
        "(installed)",
        "  \\u001b[31mMerge requests",
        "  plugins~Plugin_gitlab",
        "",
        "3 of 4 plugins. To install one:",
        "codex-plugins install ID (--json prints",
        "the ids)",
        ""
      ]
    ]
  ] as const)("fits %d columns", ([columns, lines]) =>
    Effect.gen(function* () {
      const { home } = yield* world({ plugins })
      const { screen } = yield* Terminal.run(["search", "git", "--codex-home", home], { columns })
      assert.deepStrictEqual(screen, [...lines])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
