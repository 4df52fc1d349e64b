/**
 * CodexRefresh against released Codex, whose refresh URL is on loopback.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as CodexHome from "../../src/CodexHome.ts"
import * as CodexRefresh from "../../src/CodexRefresh.ts"
import * as TestAccount from "../../src/testing/TestAccount.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as CodexBinary from "./support/CodexBinary.ts"
import * as HttpServer from "./support/HttpServer.ts"
import * as Loopback from "./support/Loopback.ts"

const renewed = TestAccount.make({ email: "renewed@example.test" })

/** Gives out the renewed tokens, and counts how often. */
const tokenServer = Effect.gen(function* () {
  const requests: Array<string> = []
  const origin = yield* HttpServer.serve((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    response.setHeader("content-type", "application/json")
    response.end(
      JSON.stringify({
        id_token: renewed.idToken,
        access_token: renewed.accessToken,
        refresh_token: renewed.refreshToken
      })
    )
  })
  return { requests, url: `${origin}/oauth/token` }
})

describe("CodexRefresh", () => {
  it.live.each(CodexBinary.versions)(
    "has Codex %s renew the token, and leaves the cache alone",
    (version) =>
      Effect.gen(function* () {
        yield* Loopback.ensure
        const fs = yield* FileSystem.FileSystem
        const home = yield* fs.makeTempDirectoryScoped()
        const backend = yield* TestBackend.make({
          plugins: [TestBackend.plugin({ name: "alpha" })]
        })
        const { baseUrl } = yield* backend.serve()
        yield* backend.writeHome(home, { baseUrl })
        const { requests, url } = yield* tokenServer
        const program = `${home}/codex.sh`
        const codex = yield* CodexBinary.locate(version)
        yield* fs.writeFileString(
          program,
          `#!/bin/sh\nCODEX_REFRESH_TOKEN_URL_OVERRIDE=${url} HOME=${home} exec ${codex} "$@"\n`,
          { mode: 0o755 }
        )
        yield* Effect.flatMap(CodexRefresh.CodexRefresh, ({ refresh }) => refresh).pipe(
          Effect.provide(CodexRefresh.layerWith({ program })),
          Effect.provide(CodexHome.layerAt(home))
        )
        assert.deepStrictEqual(requests, ["POST /oauth/token"])
        assert.include(yield* fs.readFileString(`${home}/auth.json`), renewed.accessToken)
        assert.isFalse(yield* fs.exists(`${home}/plugins/cache`))
        assert.lengthOf(yield* backend.requests({ kind: "listing" }), 0)
      }).pipe(Effect.provide(NodeServices.layer))
  )
})
