/**
 * The released Codex programs that tests run: their versions and their paths on this machine.
 *
 * They come from the npm registry, once, into the ignored folder `.codex-binaries/`. Tests only
 * {@link locate} them, because they run where no registry can be reached; `npm run test:codex` fetches.
 */
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as Crypto from "node:crypto"
import { fileURLToPath } from "node:url"
import * as Loopback from "./Loopback.ts"

/**
 * The releases that the tests run: the first one with the identity sidecar, and the newest. For each
 * platform, the registry's hash as `npm view @openai/codex@<release>-<platform> dist.integrity` prints it.
 */
const releases = {
  "0.142.0": {
    "linux-x64":
      "sha512-nywS+ogFPRhZnQnKL+jzWKzFhmjTQbYPh6n8dtQ/E+sJ3FoZVcb9a6kvHL5yjgtlCiDkP0jPDYY5AK3tDShYyw==",
    "linux-arm64":
      "sha512-gX9hCK59bE0Itnous1MCrKiXTYuoGVE6oJUE0kyRSzaBD267sh9TNR3DXKbY7TsP7iAs19n8YXDJNdHZJtakSQ=="
  },
  "0.169.0": {
    "linux-x64":
      "sha512-o05NyAOCDygSPRo1yinzxvkRSdmsZyBD9E7mbpmjRanSfM8lypqWtQgEo4XfNkwhuCR2aFu8mlGOsQGFXVbVww==",
    "linux-arm64":
      "sha512-NZ/DaQUpcQmxmqee7Z9uC1rzw3GhSbooawcaTe1LN5Yk+WlinUKGdTXJgClRT/9ogQEEM9TWxYzvxPfj5G/xFg=="
  }
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>

export type Version = keyof typeof releases

export const versions = Object.keys(releases) as ReadonlyArray<Version>

/** A release of Codex cannot run here. */
export class CodexUnavailable extends Schema.TaggedError<CodexUnavailable>()("CodexUnavailable", {
  version: Schema.String,
  reason: Schema.Literals(["UnsupportedPlatform", "NotFetched", "FetchFailed"]),
  detail: Schema.String
}) {
  override get message(): string {
    switch (this.reason) {
      case "UnsupportedPlatform":
        return `Codex ${this.version} is not run on ${this.detail}: these tests need Linux on x64 or arm64.`
      case "NotFetched":
        return `Codex ${this.version} is not at ${this.detail}. Run "npm run test:codex", which fetches it.`
      case "FetchFailed":
        return `Codex ${this.version} could not be fetched from the npm registry: ${this.detail}`
    }
  }
}

const folder = fileURLToPath(new URL("../../../.codex-binaries/", import.meta.url))

const platform = `${process.platform}-${process.arch}`

const place = Effect.fnUntraced(function* (version: Version) {
  const path = yield* Path.Path
  const hashes: Readonly<Record<string, string>> = releases[version]
  const expected = hashes[platform]
  if (expected === undefined) {
    return yield* new CodexUnavailable({ version, reason: "UnsupportedPlatform", detail: platform })
  }
  const target = path.join(folder, `${version}-${platform}`)
  return { expected, target, program: path.join(target, "codex") }
})

/** The path of a program that was fetched. */
export const locate = Effect.fnUntraced(function* (version: Version) {
  const fs = yield* FileSystem.FileSystem
  const { program } = yield* place(version)
  return (yield* Effect.orDie(fs.exists(program)))
    ? program
    : yield* new CodexUnavailable({ version, reason: "NotFetched", detail: program })
})

/** The path of a program. Fetches it (about 110 to 170 MB) and checks its hash if it is missing. */
export const fetch = Effect.fnUntraced(
  function* (version: Version) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { expected, program, target } = yield* place(version)
    if (yield* fs.exists(program)) return program
    yield* fs.makeDirectory(folder, { recursive: true })
    const staging = yield* fs.makeTempDirectoryScoped({ directory: folder, prefix: ".fetching-" })
    const name = `@openai/codex@${version}-${platform}`
    yield* Effect.logInfo(`Fetching ${name} into ${folder}`)
    yield* succeeds(["npm", "pack", "--silent", "--pack-destination", staging, name])
    const archive = path.join(staging, `openai-codex-${version}-${platform}.tgz`)
    const hash = Crypto.createHash("sha512")
    yield* Stream.runForEach(fs.stream(archive), (bytes) => Effect.sync(() => hash.update(bytes)))
    const found = `sha512-${hash.digest("base64")}`
    if (found !== expected) {
      return yield* fetchFailed(version, `${name} is ${found}, expected ${expected}`)
    }
    const unpacked = path.join(staging, "unpacked")
    yield* fs.makeDirectory(unpacked)
    const member = ["--strip-components=4", "--wildcards", "package/vendor/*/bin/codex"]
    yield* succeeds(["tar", "-xzf", archive, "-C", unpacked, ...member])
    yield* fs.rename(unpacked, target)
    return program
  },
  (effect, version) =>
    effect.pipe(
      Effect.scoped,
      Effect.catchTag(["PlatformError", "CommandFailed"], ({ message }) =>
        fetchFailed(version, message)
      )
    )
)

const fetchFailed = (version: Version, detail: string) =>
  Effect.fail(new CodexUnavailable({ version, reason: "FetchFailed", detail }))

class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", {
  command: Schema.String,
  exitCode: Schema.Number
}) {
  override get message(): string {
    return `"${this.command}" ended with ${this.exitCode}`
  }
}

const succeeds = Effect.fnUntraced(function* (words: ReadonlyArray<string>) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const [program = "", ...args] = words
  const exitCode = yield* spawner.exitCode(
    ChildProcess.make(program, args, { stdin: "ignore", stderr: "inherit" })
  )
  if (exitCode !== 0) return yield* new CommandFailed({ command: words.join(" "), exitCode })
})

/** The home and environment of a Codex command. */
export interface Options {
  readonly home: string
  readonly environment?: Readonly<Record<string, string>>
  /** Words before the command, for example to start it in a mount namespace. */
  readonly within?: (command: ReadonlyArray<string>) => ReadonlyArray<string>
}

/**
 * A Codex command in a home. Fails if more than loopback can be reached.
 *
 * It inherits no variable but `PATH`, logs what its plugin code says as JSON lines on stderr, and is killed
 * outright when its scope closes: 0.169 takes seconds over a SIGTERM.
 */
export const command = Effect.fnUntraced(function* (
  version: Version,
  args: ReadonlyArray<string>,
  {
    environment,
    home,
    within = (command) => command,
    ...options
  }: Options & Pick<ChildProcess.CommandOptions, "stdin">
) {
  yield* Loopback.ensure
  const [file = "", ...words] = within([yield* locate(version), ...args])
  return ChildProcess.make(file, words, {
    ...options,
    env: {
      PATH: process.env["PATH"],
      HOME: home,
      CODEX_HOME: home,
      LOG_FORMAT: "json",
      RUST_LOG: "codex_core_plugins=info",
      ...environment
    },
    killSignal: "SIGKILL"
  })
})

/** Runs a Codex command to its end. */
export const run = Effect.fnUntraced(function* (
  version: Version,
  args: ReadonlyArray<string>,
  options: Options
) {
  const handle = yield* yield* command(version, args, { ...options, stdin: "ignore" })
  const [stdout, stderr, exitCode] = yield* Effect.all(
    [
      Stream.mkString(Stream.decodeText(handle.stdout)),
      Stream.mkString(Stream.decodeText(handle.stderr)),
      handle.exitCode
    ],
    { concurrency: "unbounded" }
  )
  return { stdout, stderr, exitCode }
}, Effect.scoped)
