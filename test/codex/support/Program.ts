/**
 * The programs that are compared, and their passes and local installs: each release of Codex, and ours.
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

export const programs = [...CodexBinary.versions, "ours"] as const

export type Program = (typeof programs)[number]

/** The report of a pass. */
export interface Report {
  /** Nothing is reported without credentials, or if the pass never ends. */
  readonly pass: "completed" | "given up" | "not reported"
  /** The remote ids that are reported as failed, trimmed and sorted. */
  readonly failed: ReadonlyArray<string>
}

const report = (pass: Report["pass"], failed: ReadonlyArray<string> = []): Report => ({
  pass,
  failed: failed.map((id) => id.trim()).toSorted()
})

export interface Options {
  readonly home: string
  readonly environment: Readonly<Record<string, string>>
  /** The retention of our program. Codex keeps no superseded versions. @default "0" */
  readonly retain?: string | undefined
  /** True to wait no longer than {@link patience} for a report. */
  readonly mayBeSilent?: boolean | undefined
}

/** The wait for a pass that reports nothing. */
const patience = "2 seconds"

const decodeOutcome = Schema.decodeUnknownEffect(
  Schema.fromJsonString(Schema.Struct({ failedRemotePluginIds: Schema.Array(Schema.String) }))
)

/** Our program exited with an unexpected code. */
export class UnexpectedExit extends Schema.TaggedError<UnexpectedExit>()("UnexpectedExit", {
  exitCode: Schema.Number,
  stderr: Schema.String
}) {
  override get message(): string {
    return `codex-plugins exited with ${this.exitCode}: ${this.stderr}`
  }
}

const ours = Effect.fnUntraced(function* ({ environment, home, retain = "0" }: Options) {
  const { path } = yield* OurProgram.OurProgram
  const handle = yield* ChildProcess.make(
    process.execPath,
    [path, "sync", "--json", "--retain", retain],
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
  if (exitCode !== 0 && exitCode !== 3) return yield* new UnexpectedExit({ exitCode, stderr })
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

/** Runs one pass in a new process of the program. */
export const run = (program: Program, options: Options) =>
  program === "ours" ? Effect.scoped(ours(options)) : Effect.scoped(codex(program, options))

/** The source of local installs: `plugins/<name>` of a local marketplace. */
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

/** Installs local plugins in order, and returns the names of those that failed. */
export const install = (program: Program, options: LocalOptions) =>
  program === "ours"
    ? Effect.scoped(installOurs(options))
    : Effect.scoped(installCodex(program, options))
