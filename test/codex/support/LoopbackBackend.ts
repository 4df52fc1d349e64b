/**
 * A test backend as released Codex needs it — calls over HTTP, bundles over HTTPS from an authority of the
 * test's own — and homes that ask it.
 */
import { Effect, FileSystem, Path } from "effect"
import * as TestBackend from "../../../src/testing/TestBackend.ts"
import * as Certificates from "../../support/certificates.ts"

/** A folder in memory if there is one, because thousands of small files are slow on a disk. */
const memory = "/dev/shm"

/** Serves until the scope closes. Homes exist until then, too. */
export const make = Effect.fnUntraced(function* (options?: TestBackend.Options) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { ca, good } = yield* Certificates.make
  const folder = yield* fs.makeTempDirectoryScoped({
    prefix: "codex-",
    directory: (yield* fs.exists(memory)) ? memory : undefined
  })
  const authority = path.join(folder, "authority.pem")
  yield* fs.writeFileString(authority, ca)
  const backend = yield* TestBackend.make(options)
  const served = yield* backend.serve({ bundles: good })
  let homes = 0
  return {
    backend,
    served,
    /** The certificate of the bundles' server. `environment` makes programs trust it. */
    certificate: good,
    /** With these, Codex and Node trust the bundles' server. */
    environment: { CODEX_CA_CERTIFICATE: authority, NODE_EXTRA_CA_CERTS: authority },
    /** Makes a new home of an account, by default the first, and returns its path. */
    makeHome: Effect.fnUntraced(function* (
      account: TestBackend.TestBackend["Service"]["accounts"][number] = backend.accounts[0]
    ) {
      const home = path.join(folder, `home-${++homes}`)
      yield* backend.writeHome(home, { baseUrl: served.baseUrl, account })
      return home
    })
  }
})
