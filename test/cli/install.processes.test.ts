import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { helper } from "../support/builtPrograms.ts"
import { world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha", installed: false })
const alphaId = "alpha@openai-curated-remote"

describe("codex-plugins uninstall", () => {
  it.live(
    "asks to try again later while another process has leased the plugin, unless it is forced",
    Effect.fnUntraced(
      function* () {
        const { backend, home, run } = yield* world({ plugins: [alpha] })
        yield* run("install", alpha.id)
        const script = yield* Effect.promise(() => helper("holdLease"))
        const holder = yield* ChildProcess.make(process.execPath, [script, home, "alpha"])
        yield* Stream.runHead(holder.stdout)
        const { code, stderr } = yield* run("uninstall", alpha.id)
        assert.strictEqual(code, 5)
        assert.include(
          stderr,
          `cannot uninstall ${alphaId} (${alpha.id}): a running process still uses version`
        )
        assert.isTrue(yield* backend.isInstalled(alpha.id))
        assert.deepInclude(yield* run("uninstall", "--force", alpha.id), {
          code: 0,
          stdout: `uninstalled ${alphaId} from the account, for all machines, and from this home\n`
        })
      },
      Effect.scoped,
      Effect.provide(NodeServices.layer)
    )
  )
})
