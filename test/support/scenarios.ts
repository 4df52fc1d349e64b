/**
 * The plugins, disks and changes of the cache that crash tests and fault tests share.
 */
import { Context, Duration, Effect, type FileSystem, type PlatformError, Struct } from "effect"
import { dirname } from "node:path/posix"
import * as Disks from "../../src/internal/disk/Disk.ts"
import * as InstallMetadata from "../../src/InstallMetadata.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { cacheRoot } from "./cacheContents.ts"
import {
  type Build,
  build,
  layOut,
  marketplace,
  open,
  pass,
  pluginId,
  remoteId,
  root
} from "./pluginWorld.ts"
import "./withoutStacks.ts"

type Disk = Pick<MemoryFileSystem.MemoryDisk, "fileSystem">

/** A change of the cache by a new process. */
export type Act = (disk: Disk) => Effect.Effect<unknown, { readonly _tag: string }>

export const baseRoot = `${cacheRoot}/${marketplace}/alpha`
export const sidecar = `${baseRoot}/${InstallMetadata.fileName}`
export const [a1, a2, a3] = [build("A", "1.0.0"), build("A", "2.0.0"), build("A", "3.0.0")]
export const [b1, b2] = [build("B", "1.0.0"), build("B", "2.0.0")]

/** A folder outside the cache from which the user installs. */
const source = "/source"

export interface Scenario {
  /** The cache before the change: one pass has run for each of these builds. */
  readonly before: ReadonlyArray<Build>
  /** The content of a folder that the user installs from. */
  readonly source?: Build
  /** Damages the cache before the change. */
  readonly damage?: (
    fs: FileSystem.FileSystem
  ) => Effect.Effect<unknown, PlatformError.PlatformError>
  /** The violation that the damage causes until the change repairs it. */
  readonly expectedViolation?: string
  /** The change. Default: a pass for `after`. */
  readonly act?: Act
  /** The account's plugin after the change. Default: none. */
  readonly after?: Build
  readonly retention?: Duration.Duration
  /**
   * Builds that may be active during the change, beside those before and after. An existing version must
   * be moved away before another one can take its name.
   */
  readonly between?: ReadonlyArray<string>
}

const cacheOn = Effect.fnUntraced(function* (disk: Disk, builds: ReadonlyArray<Build>) {
  yield* disk.fileSystem.makeDirectory(root)
  for (const build of builds) yield* pass(disk, [build])
})

/** A disk after one pass for each build. Changes that the passes did not sync are unsynced. */
export const cached = Effect.fnUntraced(function* (...builds: ReadonlyArray<Build>) {
  const disk = yield* MemoryFileSystem.make()
  yield* cacheOn(disk, builds)
  return disk
})

/** Makes an empty disk that of a scenario before its change. */
export const prepareOn = Effect.fnUntraced(function* (disk: Disk, scenario: Scenario) {
  yield* cacheOn(disk, scenario.before)
  const services = yield* Effect.scoped(open(disk.fileSystem))
  yield* Effect.provideContext(layOut(scenario.source ?? build(null, "local"), source), services)
  if (scenario.damage !== undefined) yield* scenario.damage(disk.fileSystem)
})

/** The disk of a scenario before its change. Changes that the passes did not sync are unsynced. */
export const prepare = Effect.fnUntraced(function* (scenario: Scenario) {
  const disk = yield* MemoryFileSystem.make()
  yield* prepareOn(disk, scenario)
  return disk
})

/** The disk of a scenario before its change, completely synced. */
export const prepareSynced = Effect.fnUntraced(function* (scenario: Scenario) {
  const disk = yield* prepare(scenario)
  disk.sync()
  return disk
})

/** The plugins that the account has after the change. */
export const wantedBy = ({ after }: Scenario): ReadonlyArray<Build> =>
  after === undefined ? [] : [after]

/** Uses the store of a new process. */
export const withStore =
  <A, E>(use: (store: PluginStore.PluginStore["Service"]) => Effect.Effect<A, E>) =>
  (disk: Disk): Effect.Effect<A, E> =>
    Effect.flatMap(open(disk.fileSystem), (services) =>
      use(Context.get(services, PluginStore.PluginStore))
    ).pipe(Effect.scoped, Effect.withTracerEnabled(false))

export const writeIdentity = (disk: Disk, owner: string) =>
  withStore((store) => store.writeIdentity(pluginId("alpha"), remoteId(owner)))(disk)

const installLocally = withStore((store) => store.install({ source, pluginId: pluginId("alpha") }))

/** Removes a file or folder durably. */
const removing = (path: string) => (fs: FileSystem.FileSystem) =>
  Effect.gen(function* () {
    const disk = (yield* Disks.Implementation)(fs)
    yield* disk.remove(path)
    yield* disk.syncDirectory(dirname(path))
  })

export const breaking = (version: string) => removing(`${baseRoot}/${version}/.codex-plugin`)

export const scenarios = {
  "a first install": { before: [], after: a1 },
  "an upgrade under the same identity": { before: [a1], after: a2 },
  "an upgrade under another identity": { before: [a1], after: b2 },
  "a repair of the same version": {
    before: [a1],
    damage: breaking("1.0.0"),
    expectedViolation: "alpha 1.0.0 is incomplete",
    after: a1,
    between: ["absent"]
  },
  "a repair beside a superseded version": {
    before: [a1, a2],
    damage: breaking("2.0.0"),
    expectedViolation: "alpha 2.0.0 is incomplete",
    after: a2,
    between: ["A/1.0.0"]
  },
  "the same version under another identity": { before: [a1], after: b1, between: ["absent"] },
  "the same version under another identity, beside a superseded version": {
    before: [a1, a2],
    after: b2,
    between: ["A/1.0.0"]
  },
  "a downgrade": { before: [a2], after: a1 },
  "a downgrade under another identity": { before: [a2], after: b1 },
  "a downgrade to one of several superseded versions": { before: [a1, a2, a3], after: a1 },
  "a downgrade below several superseded versions": {
    before: [a1, a2, a3],
    after: build("A", "0.5.0")
  },
  "a downgrade under another identity, beside several superseded versions": {
    before: [a1, a2, a3],
    after: b1
  },
  "an upgrade without retention": { before: [a1], after: a2, retention: Duration.zero },
  "an upgrade under another identity without retention": {
    before: [a1],
    after: b2,
    retention: Duration.zero
  },
  "a local install over a remote one": { before: [a1], act: installLocally, after: a1 },
  "a local install over a remote one of the same version": {
    before: [a1],
    source: build(null, "1.0.0"),
    act: installLocally,
    between: ["absent"]
  },
  "a local install below superseded versions": {
    before: [a1, a2],
    source: build(null, "0.5.0"),
    act: installLocally,
    after: b1
  },
  "a first local install": { before: [], act: installLocally, after: a1 },
  "a backfill of the identity": { before: [a1], damage: removing(sidecar), after: a1 },
  "a sidecar that cannot be read": {
    before: [a1],
    damage: (fs) => fs.writeFileString(sidecar, "{"),
    expectedViolation: "the sidecar of alpha is invalid",
    after: a1,
    between: ["absent"]
  },
  "an uninstall": {
    before: [a1, a2],
    act: withStore((store) => store.uninstall(pluginId("alpha")))
  },
  "the removal of a plugin that the account no longer has": { before: [a1, a2] },
  "a prune": { before: [a1, a2], after: a2, retention: Duration.zero },
  "a removal of the identity": {
    before: [a1],
    act: withStore((store) => store.clearIdentity(pluginId("alpha"))),
    after: a1
  }
} satisfies Readonly<Record<string, Scenario>>

/** A selection for tests that are slow, with one scenario for each path through the store. */
export const selectedScenarios: Readonly<Record<string, Scenario>> = {
  ...Struct.pick(scenarios, [
    "a first install",
    "an upgrade under another identity",
    "the same version under another identity, beside a superseded version",
    "a local install over a remote one",
    "a backfill of the identity",
    "an uninstall",
    "the removal of a plugin that the account no longer has",
    "a prune"
  ]),
  "a downgrade below several versions without retention": {
    before: [a2, a3],
    after: a1,
    retention: Duration.zero
  }
}
