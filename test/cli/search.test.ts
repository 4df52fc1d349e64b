import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestReply from "../../src/testing/TestReply.ts"
import { github, gitlab, plugins } from "../support/searchPlugins.ts"
import { world } from "../support/shell.ts"

describe("codex-plugins search", () => {
  it.live(
    "prints a table with every column if the output is not a terminal",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [github, gitlab] })
      const { code, stderr, stdout } = yield* run("search", "git")
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.deepStrictEqual(stdout.split("\n"), [
        "PLUGIN                        VERSION  STATE      REMOTE PLUGIN ID                                 DESCRIPTION",
        `github@openai-curated-remote  1.4.0    -          ${github.id}  Reads issues and pull requests, reviews changes, and watches the checks of a branch.`,
        `gitlab@openai-curated-remote  1.0.0    installed  ${gitlab.id}                            \\u001b[31mMerge requests`,
        ""
      ])
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints JSON with Codex's names",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins })
      const { code, stdout } = yield* run("search", "gitlab", "--json")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(JSON.parse(stdout), {
        schemaVersion: 1,
        available: [
          {
            pluginId: "gitlab@openai-curated-remote",
            name: "gitlab",
            marketplaceName: "openai-curated-remote",
            source: { source: "remote", id: gitlab.id },
            displayName: "gitlab",
            description: "\u001b[31mMerge requests",
            releaseVersion: "1.0.0",
            installPolicy: "AVAILABLE",
            authPolicy: "ON_USE",
            availability: "AVAILABLE",
            installed: true,
            enabled: true
          }
        ],
        searched: 4,
        unreadable: 0,
        failures: []
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "warns about a section that cannot be searched, and prints the others",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins })
      yield* backend.when({ kind: "shared" }, TestReply.status(403))
      const { code, stderr, stdout } = yield* run("search", "weather")
      assert.strictEqual(code, 0)
      assert.include(stdout, "weather@openai-curated-remote")
      assert.match(
        stderr,
        /^warning: could not search the plugins that others share: the backend \S+ does not allow it for this account\n$/
      )
      const json = JSON.parse((yield* run("search", "weather", "--json")).stdout)
      assert.deepInclude(json.failures[0], { section: "sharedWithMe" })
      assert.deepInclude(json.failures[0].error, { tag: "RemoteCatalogError", reason: "Forbidden" })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "says that nothing matches",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins })
      assert.deepStrictEqual(yield* run("search", "no", "such"), {
        code: 0,
        stdout: 'No plugin matches "no such" (4 plugins)\n',
        stderr: ""
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "exits with 4 if nobody is signed in",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins })
      yield* backend.when({}, TestReply.status(401))
      assert.strictEqual((yield* run("search")).code, 4)
    }, Effect.provide(NodeServices.layer))
  )

  it.live.each(["install", "read", "uninstall"])(
    "is recommended by %s for a name that neither cache nor account has",
    (command) =>
      Effect.gen(function* () {
        const { run } = yield* world({ plugins })
        for (const name of ["nope", "nope@openai-curated-remote"]) {
          const { code, stderr } = yield* run(command, name)
          assert.strictEqual(code, 1)
          assert.strictEqual(
            stderr,
            `codex-plugins: ${name} is neither cached nor installed on the account; run \`codex-plugins search nope\` to find plugins and their remote ids\n`
          )
        }
      }).pipe(Effect.provide(NodeServices.layer))
  )
})
