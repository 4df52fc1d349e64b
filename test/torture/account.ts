/**
 * An account whose plugins come in many versions, each by one of several owners. Every file of a plugin
 * names both.
 */
import { Array as Arr, Effect, Random } from "effect"
import * as PluginVersion from "../../src/PluginVersion.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestBundle from "../../src/testing/TestBundle.ts"
import type { KnownBuilds } from "../support/cacheContents.ts"
import * as PluginWorld from "../support/pluginWorld.ts"

type Build = PluginWorld.Build

export const names = Arr.makeBy(12, (n) => `plugin-${String(n + 1).padStart(2, "0")}`)

/** Any version can follow any other. One is a prerelease and one is not SemVer. */
export const versions: Arr.NonEmptyReadonlyArray<string> = [
  "1.0.0",
  "1.1.0",
  "2.0.0-rc.1",
  "2.0.0",
  "10.0.0",
  "nightly"
]

/** The versions of local builds. The second has no version in its manifest. */
export const localVersions = ["3.0.0-mine", "local"] as const

/** A remote id belongs to one plugin, so an owner makes one plugin only. */
export const ownersOf = (name: string) => [`${name}_A`, `${name}_B`, `${name}_C`] as const

/** Additional files that make a bundle of 50 KB, so that its installation takes some time. */
const ballast = { files: 6, bytes: 8 * 1024 }

const utf8 = new TextEncoder()

const newFiles = (build: Build): PluginWorld.Files => {
  const line = `${build.name} ${build.version} of ${build.owner ?? "this machine"}\n`
  const bytes = utf8.encode(line.repeat(Math.ceil(ballast.bytes / line.length)))
  return {
    ...PluginWorld.filesOf(build),
    ...Object.fromEntries(
      Array.from({ length: ballast.files }, (_, n) => [`assets/${n}.txt`, { mode: 0o644, bytes }])
    )
  }
}

/** There are few builds, so their files and bundles are made once. */
const made = new Map<string, PluginWorld.Files>()
const packed = new Map<string, Uint8Array>()

const keyOf = ({ name, owner, version }: Build) => `${name} ${owner} ${version}`

const filesOf = (build: Build): PluginWorld.Files => {
  const files = made.get(keyOf(build)) ?? newFiles(build)
  made.set(keyOf(build), files)
  return files
}

export const knownBuilds: KnownBuilds = { ownersOf: (name) => [...ownersOf(name), null], filesOf }

const bundleOf = Effect.fnUntraced(function* (build: Build) {
  const files = Object.entries(filesOf(build)).map(
    ([path, { bytes, mode }]) => [path, { content: bytes, mode }] as const
  )
  const bundle =
    packed.get(keyOf(build)) ?? (yield* Effect.orDie(TestBundle.tarGz(Object.fromEntries(files))))
  packed.set(keyOf(build), bundle)
  return bundle
})

/** A build that an account can have. */
export interface RemoteBuild extends Build {
  readonly owner: string
}

export const remoteId = ({ owner }: RemoteBuild) => PluginWorld.remoteId(owner)

/** Any build of a plugin, of another version than the one that is given. */
export const anyBuild = Effect.fnUntraced(function* (name: string, otherThan?: string) {
  const owner = yield* Random.choice(ownersOf(name))
  const others = versions.filter((version) => version !== otherThan)
  const version = yield* Effect.orDie(Random.choice(others))
  return { name, version, owner } satisfies RemoteBuild
})

export interface Account {
  /** By name. */
  readonly installed: ReadonlyMap<string, RemoteBuild>
  /** Publishes a build on the backend in place of the owner's build before it. */
  readonly publish: (build: RemoteBuild, isInstalled: boolean) => Effect.Effect<void>
  /** Installs a build in place of any other build of its name. */
  readonly install: (build: RemoteBuild) => Effect.Effect<void>
  readonly uninstall: (name: string) => Effect.Effect<void>
}

export const make = (backend: TestBackend.TestBackend["Service"]): Account => {
  const installed = new Map<string, RemoteBuild>()
  const publish = Effect.fnUntraced(function* (build: RemoteBuild, isInstalled: boolean) {
    const { name, version } = build
    const bundle = yield* bundleOf(build)
    yield* backend.publish(
      TestBackend.plugin({ id: remoteId(build), name, version, bundle, installed: isInstalled })
    )
  })
  const uninstall = Effect.fnUntraced(function* (name: string) {
    const build = installed.get(name)
    if (build !== undefined) yield* backend.uninstall(remoteId(build))
    installed.delete(name)
  })
  return {
    installed,
    publish,
    uninstall,
    install: Effect.fnUntraced(function* (build) {
      yield* uninstall(build.name)
      yield* publish(build, true)
      installed.set(build.name, build)
    })
  }
}

export const changes = ["new", "up", "down", "same version, other owner", "uninstalled"] as const

export type Change = (typeof changes)[number]

const changeOf = (before: RemoteBuild | undefined, after: RemoteBuild): Change | undefined => {
  if (before === undefined) return "new"
  if (before.version === after.version) {
    return before.owner === after.owner ? undefined : "same version, other owner"
  }
  const isUp = PluginVersion.outranks(PluginWorld.versionOf(after), PluginWorld.versionOf(before))
  return isUp ? "up" : "down"
}

/** Installs another build of about half of the plugins and uninstalls a few. */
export const change = Effect.fnUntraced(function* ({ install, installed, uninstall }: Account) {
  const made: Array<Change> = []
  for (const name of names) {
    const before = installed.get(name)
    const chance = yield* Random.next
    if (chance < 0.05 && before !== undefined) {
      yield* uninstall(name)
      made.push("uninstalled")
    } else if (chance < 0.55) {
      const build = yield* anyBuild(name)
      yield* install(build)
      const change = changeOf(before, build)
      if (change !== undefined) made.push(change)
    }
  }
  return made
})
