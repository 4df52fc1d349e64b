/**
 * The setup of a case: a backend, and a new home for each run.
 */
import { Data, Effect, type Scope } from "effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import type { Certificates } from "../support/certificates.ts"
import type { Options } from "./backend.ts"
import type { Case } from "./cases.ts"
import { type Program, type Installed, ours, type Place } from "./programs.ts"
import * as Measure from "./measure.ts"

/** A program did not do all of its work, so its figures mean nothing. */
export class Incomplete extends Data.TaggedError("Incomplete")<{ readonly message: string }> {}

export interface Setup {
  readonly run: (program: Program) => Effect.Effect<Measure.Run, Measure.RunFailed | Incomplete>
}

const backendProgram = fileURLToPath(new URL("backend.ts", import.meta.url))

/** Serves until the scope closes. */
const startBackend = (options: Options): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<ChildProcess.ChildProcess>((resume) => {
      const backend = ChildProcess.fork(backendProgram, { serialization: "advanced" })
      backend.once("message", () => resume(Effect.succeed(backend)))
      backend.once("exit", () => resume(Effect.die(new Error("the backend ended"))))
      backend.send(options)
    }),
    (backend) => Effect.sync(() => backend.kill())
  )

const readListing = async (home: string): Promise<ReadonlyArray<Installed>> => {
  const config = Fs.readFileSync(Path.join(home, "config.toml"), "utf8")
  const baseUrl = /^chatgpt_base_url = "(.*)"$/m.exec(config)?.[1]
  const { tokens } = JSON.parse(Fs.readFileSync(Path.join(home, "auth.json"), "utf8"))
  const plugins: Array<Installed> = []
  for (let cursor: string | null = ""; cursor !== null;) {
    const page = cursor === "" ? "" : `&pageToken=${cursor}`
    const response = await fetch(
      `${baseUrl}/ps/plugins/installed?includeDownloadUrls=true${page}`,
      {
        headers: { authorization: `Bearer ${tokens.access_token}` }
      }
    )
    const answer = (await response.json()) as {
      readonly plugins: ReadonlyArray<{
        readonly id: string
        readonly name: string
        readonly release: { readonly version: string; readonly bundle_download_url: string }
      }>
      readonly pagination: { readonly next_page_token: string | null }
    }
    for (const { id, name, release } of answer.plugins) {
      plugins.push({ id, name, version: release.version, url: release.bundle_download_url })
    }
    cursor = answer.pagination.next_page_token
  }
  return plugins
}

const copy = (from: string, to: string): void => {
  ChildProcess.execFileSync("cp", ["-a", from, to])
}

/** Makes the setup of a case below a folder. Its files are removed with the scope. */
export const make = Effect.fnUntraced(function* (
  folder: string,
  certificates: Certificates,
  { bundleBytes, cached, latency, network, plugins }: Case
) {
  const root = Fs.mkdtempSync(Path.join(folder, "case-"))
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => Fs.rmSync(root, { recursive: true, force: true }))
  )
  const authority = Path.join(root, "authority.pem")
  Fs.writeFileSync(authority, certificates.ca)
  const temporary = Path.join(folder, "tmp")
  Fs.mkdirSync(temporary, { recursive: true })

  const isCold = cached === "nothing" || cached === "elsewhere"
  const names = Array.from({ length: plugins }, (_, i) => `plugin-${String(i).padStart(4, "0")}`)
  const upgraded = cached === "all but one upgrade" ? names[plugins >> 1] : undefined

  /** A home that asks a new backend. */
  const serve = Effect.fnUntraced(function* (name: string, latency: number, isBefore: boolean) {
    const home = Path.join(root, name)
    yield* startBackend({
      plugins: names.map((name) => ({
        name,
        version: name === upgraded && !isBefore ? "1.0.1" : "1.0.0"
      })),
      bundleBytes,
      latency,
      network,
      certificate: certificates.good,
      home
    })
    const plugins = yield* Effect.promise(() => readListing(home))
    return { home, plugins, isCold, authority, temporary }
  })

  const runIn = Effect.fnUntraced(function* (program: Program, place: Place) {
    const run = yield* Measure.run(program.program(place))
    const missing = program.missing(place, run)
    if (missing !== undefined) {
      return yield* new Incomplete({
        message: `${program.name} left its work undone: ${missing}`
      })
    }
    return program.inner === undefined ? run : { ...run, ...program.inner(run) }
  })

  const before =
    cached === "nothing"
      ? undefined
      : yield* serve("before", 0, true).pipe(
          Effect.tap((place) => runIn(ours("sync"), place)),
          Effect.scoped
        )
  const seed = yield* serve("seed", latency, false)

  let runs = 0
  const setup: Setup = {
    run: Effect.fnUntraced(function* (program) {
      const home = Path.join(root, `run-${++runs}`)
      copy(seed.home, home)
      if (before !== undefined && !isCold) {
        copy(Path.join(before.home, "plugins"), Path.join(home, "plugins"))
      }
      return yield* runIn(program, { ...seed, home, from: before?.home })
    })
  }
  return setup
})
