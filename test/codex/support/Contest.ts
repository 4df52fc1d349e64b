/**
 * One pass over a home, carried out by a release of Codex or by ours.
 */
import { Context, Effect, FileSystem, Layer, Option, Path, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as CacheLock from "../../../src/CacheLock.ts"
import * as CodexHome from "../../../src/CodexHome.ts"
import * as PluginId from "../../../src/PluginId.ts"
import * as PluginStore from "../../../src/PluginStore.ts"
import * as CodexAppServer from "./CodexAppServer.ts"
import * as CodexBinary from "./CodexBinary.ts"
import * as OurProgram from "./OurProgram.ts"

export const contestants = [...CodexBinary.versions, "ours"] as const

export type Contestant = (typeof contestants)[number]

/** The report of a pass. */
export interface Report {
  /** Nothing is said where there are no credentials, or where the pass never ends. */
  readonly pass: "completed" | "given up" | "not reported"
  /** The remote ids that are said to have failed, without white space around them, sorted. */
  readonly failed: ReadonlyArray<string>
}

const report = (pass: Report["pass"], failed: ReadonlyArray<string> = []): Report => ({
  pass,
  failed: failed.map((id) => id.trim()).toSorted()
})

export interface Options {
  readonly home: string
  readonly environment: Readonly<Record<string, string>>
  /** For ours; Codex keeps no superseded version. @default "0" */
  readonly retain?: string | undefined
  /** Does not wait for a report for longer than {@link patience}. */
  readonly mayBeSilent?: boolean | undefined
}

/** How long a pass of which no report is due is given. */
const patience = "2 seconds"

const decodeOutcome = Schema.decodeUnknownEffect(
  Schema.fromJsonString(Schema.Struct({ failedRemotePluginIds: Schema.Array(Schema.String) }))
)

/** Our program carried out a command in a way that its exit codes do not provide for. */
export class Unforeseen extends Schema.TaggedError<Unforeseen>()("Unforeseen", {
  exitCode: Schema.Number,
  stderr: Schema.String
}) {
  override get message(): string {
    return `codex-plugins ended with ${this.exitCode}: ${this.stderr}`
  }
}

const ours = Effect.fnUntraced(function* ({ environment, home, retain = "0" }: Options) {
  const program = yield* OurProgram.OurProgram
  const handle = yield* ChildProcess.make(
    process.execPath,
    [program.path, "sync", "--json", "--retain", retain],
    {
      env: { PATH: process.env["PATH"], HOME: home, CODEX_HOME: home, ...environment },
      stdin: "ignore"
    }
  )
  const [stdout, stderr, exitCode] = yield* Effect.all(
    [
      Stream.mkString(Stream.decodeText(handle.stdout)),
      Stream.mkString(Stream.decodeText(handle.stderr)),
      handle.exitCode
    ],
    { concurrency: "unbounded" }
  )
  // 1: failed; 4: sign-in needed; 5: try again later.
  if ([1, 4, 5].includes(exitCode) && !stderr.includes("this is a bug")) {
    return report("given up")
  }
  if (exitCode !== 0 && exitCode !== 3) return yield* new Unforeseen({ exitCode, stderr })
  const { failedRemotePluginIds } = yield* decodeOutcome(stdout)
  return report("completed", failedRemotePluginIds)
})

const codex = Effect.fnUntraced(function* (version: CodexBinary.Version, options: Options) {
  const server = yield* CodexAppServer.start({ version, ...options })
  const pass = options.mayBeSilent
    ? yield* Effect.timeoutOption(server.pass(), patience)
    : Option.some(yield* server.pass(1, "5 minutes"))
  return Option.match(pass, {
    onNone: () => report("not reported"),
    onSome: ({ error, failed }) => report(error === undefined ? "completed" : "given up", failed)
  })
})

/** Carries out one pass and ends the process. */
export const run = (contestant: Contestant, options: Options) =>
  contestant === "ours" ? Effect.scoped(ours(options)) : Effect.scoped(codex(contestant, options))

/** The source of local installs: `plugins/<name>` of a marketplace of one's own. */
export interface LocalOptions extends Pick<Options, "home" | "environment"> {
  readonly marketplace: string
  readonly names: ReadonlyArray<string>
}

const installOurs = Effect.fnUntraced(function* ({ home, marketplace, names }: LocalOptions) {
  const path = yield* Path.Path
  const context = yield* Layer.build(
    PluginStore.layer.pipe(Layer.provide(CacheLock.layer), Layer.provide(CodexHome.layerAt(home)))
  )
  const store = Context.get(context, PluginStore.PluginStore)
  return yield* Effect.filter(names, (name) =>
    store
      .install({
        source: path.join(marketplace, "plugins", name),
        pluginId: PluginId.PluginId.make(`${name}@mine`)
      })
      .pipe(Effect.isFailure)
  )
})

const installCodex = Effect.fnUntraced(function* (
  version: CodexBinary.Version,
  { environment, home, marketplace, names }: LocalOptions
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const marketplacePath = path.join(marketplace, ".agents/plugins/marketplace.json")
  const plugins = names.map((name) => ({
    name,
    source: { source: "local", path: `./plugins/${name}` }
  }))
  yield* fs.makeDirectory(path.dirname(marketplacePath), { recursive: true })
  yield* fs.writeFileString(marketplacePath, JSON.stringify({ name: "mine", plugins }))
  const server = yield* CodexAppServer.start({ version, home, environment })
  yield* server.initialize
  yield* server.pass()
  return yield* Effect.filter(names, (pluginName) =>
    server.request("plugin/install", { marketplacePath, pluginName }).pipe(
      Effect.as(false),
      Effect.catchTag("RequestFailed", () => Effect.succeed(true))
    )
  )
})

/** Installs plugins of one's own, one after the other; the names of those that failed. */
export const install = (contestant: Contestant, options: LocalOptions) =>
  contestant === "ours"
    ? Effect.scoped(installOurs(options))
    : Effect.scoped(installCodex(contestant, options))
