/**
 * A PostgreSQL server of the test's own, from the packages of the system.
 */
import { PgClient } from "@effect/sql-pg"
import {
  Context,
  Effect,
  FileSystem,
  Layer,
  Option,
  Path,
  Random,
  Redacted,
  Schedule,
  Schema,
  Stream
} from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { freePort } from "./freePort.ts"

/** This machine has no PostgreSQL, or it does not start. */
export class PostgresUnavailable extends Schema.TaggedError<PostgresUnavailable>()(
  "PostgresUnavailable",
  { reason: Schema.Literals(["NotInstalled", "Failed"]), detail: Schema.String }
) {
  override get message(): string {
    return this.reason === "NotInstalled"
      ? "PostgreSQL is not installed: install the package postgresql"
      : `PostgreSQL does not start: ${this.detail}`
  }
}

/** Debian's packages put the programs of each release here, and not on the path. */
const releases = "/usr/lib/postgresql"

/** The folder of the newest release's programs. */
export const programs = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const found = yield* Effect.orElseSucceed(fs.readDirectory(releases), () => [])
  const newest = found.toSorted((a, b) => Number(b) - Number(a))
  const folders = newest.map((release) => path.join(releases, release, "bin"))
  const folder = yield* Effect.findFirst(folders, (folder) =>
    Effect.orElseSucceed(fs.exists(path.join(folder, "initdb")), () => false)
  )
  if (Option.isSome(folder)) return folder.value
  return yield* new PostgresUnavailable({ reason: "NotInstalled", detail: releases })
})

/** PostgreSQL refuses to run as root. Debian's package brings this user. */
const userOfServer = "postgres"

/** Words that run a command as a user who is not root. */
const unprivileged = Effect.gen(function* () {
  if (process.getuid?.() !== 0) return { words: [], ids: undefined }
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const idOf = (flag: string) =>
    Effect.map(spawner.string(ChildProcess.make("id", [flag, userOfServer])), (id) => Number(id))
  const [uid, gid] = [yield* idOf("-u"), yield* idOf("-g")]
  const words = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--"]
  return { words, ids: { uid, gid } }
})

/** A test has no power losses to fear. */
const settings = (port: number) =>
  Object.entries({
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    dynamic_shared_memory_type: "mmap",
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    shared_buffers: "16MB",
    max_connections: 300
  }).flatMap(([name, value]) => ["-c", `${name}=${value}`])

const user = "fleet"

let databases = 0

/** Executes statements one after the other. Each ends with a semicolon. */
export const execute = Effect.fnUntraced(function* (url: Redacted.Redacted, statements: string) {
  const sql = Context.get(yield* Layer.build(PgClient.layer({ url })), PgClient.PgClient)
  for (const statement of statements.split(";").map((text) => text.trim())) {
    if (statement !== "") yield* sql.unsafe(statement)
  }
}, Effect.scoped)

/** Adds a database to the server, and gives its URL. */
export const newDatabase = Effect.fnUntraced(function* (server: Redacted.Redacted) {
  const name = `fleet_${++databases}`
  yield* execute(server, `CREATE DATABASE ${name};`)
  return Redacted.make(new URL(name, Redacted.value(server)).href)
})

/** Starts a server until the scope closes, and gives the URL of its database. */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const bin = yield* programs
  const { ids, words } = yield* unprivileged
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "fleet-postgres-" })
  const data = path.join(folder, "data")
  const passwordFile = path.join(folder, "password")
  const password = (yield* Random.nextIntBetween(2 ** 40, 2 ** 50)).toString(36)
  yield* fs.writeFileString(passwordFile, password)
  if (ids !== undefined) {
    yield* fs.chown(folder, ids.uid, ids.gid)
    yield* fs.chown(passwordFile, ids.uid, ids.gid)
  }

  const command = (program: string, args: ReadonlyArray<string>) => {
    const [first = "", ...rest] = [...words, path.join(bin, program), ...args]
    return ChildProcess.make(first, rest, {
      cwd: folder,
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      stdin: "ignore",
      // A fast shutdown: sessions are ended, and none is waited for.
      killSignal: "SIGINT"
    })
  }
  const failed = (detail: string) => new PostgresUnavailable({ reason: "Failed", detail })

  const init = ["--pgdata", data, "--username", user, "--pwfile", passwordFile]
  const initialised = yield* Effect.scoped(
    Effect.gen(function* () {
      const handle = yield* command("initdb", [
        ...init,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync"
      ])
      const output = yield* Stream.mkString(Stream.decodeText(handle.all))
      return { code: yield* handle.exitCode, output }
    })
  )
  if (initialised.code !== 0) return yield* failed(initialised.output)

  const port = yield* freePort
  const server = yield* command("postgres", ["-D", data, ...settings(port)])
  const log: Array<string> = []
  yield* server.all.pipe(
    Stream.decodeText,
    Stream.runForEach((text) => Effect.sync(() => log.push(text))),
    Effect.forkScoped
  )
  const ready = Effect.map(
    spawner.exitCode(command("pg_isready", ["-q", "-h", "127.0.0.1", "-p", String(port)])),
    (code) => code === 0
  )
  yield* ready.pipe(
    Effect.repeat({ until: (isReady) => isReady, schedule: Schedule.spaced("100 millis") }),
    Effect.raceFirst(Effect.flatMap(server.exitCode, () => Effect.fail(failed(log.join(""))))),
    Effect.timeoutOrElse({
      duration: "30 seconds",
      orElse: () => Effect.fail(failed(`it did not answer in time: ${log.join("")}`))
    })
  )
  return Redacted.make(`postgres://${user}:${password}@127.0.0.1:${port}/postgres`)
})
