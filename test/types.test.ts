/**
 * The errors and requirements of every service, as types, which `npm run check` compares: a host that
 * handles each error must learn of a new one.
 */
import { describe, expectTypeOf, it } from "@effect/vitest"
import type { Config, Effect, FileSystem, Layer, Path, PlatformError, Scope, Stream } from "effect"
import type * as Main from "effect-codex-plugins"
import type * as Node from "effect-codex-plugins/node"
import type * as Testing from "effect-codex-plugins/testing"
import type { HttpClient } from "effect/http"
import type { ChildProcessSpawner } from "effect/process"

/** An error by its tag, and the requirements. */
type Signature<E, R> = [error: E extends { readonly _tag: infer Tag } ? Tag : E, needs: R]

/** The signature of an effect, stream or layer, or of a function that gives one. */
type SignatureOf<Member> = Member extends (...args: never) => infer Result
  ? SignatureOf<Result>
  : Member extends Effect.Effect<infer _A, infer E, infer R>
    ? Signature<E, R>
    : Member extends Stream.Stream<infer _A, infer E, infer R>
      ? Signature<E, R>
      : Member extends Layer.Layer<infer _A, infer E, infer R>
        ? Signature<E, R>
        : never

type SignaturesOf<Members> = {
  [
    Name in keyof Members as [SignatureOf<Members[Name]>] extends [never] ? never : Name
  ]: SignatureOf<Members[Name]>
}

/** The layers of a module. */
type LayersOf<Module> = SignaturesOf<{
  [Name in keyof Module as Name extends `layer${string}` ? Name : never]: Module[Name]
}>

/** The service that a module is named after. */
type ServiceOf<Name extends keyof typeof Main> = (typeof Main)[Name] extends {
  readonly [Key in Name]: { readonly Service: infer Service }
}
  ? Service
  : never

type ServiceName = {
  [Name in keyof typeof Main]: [ServiceOf<Name>] extends [never] ? never : Name
}[keyof typeof Main]

type Actual = {
  [Name in ServiceName]: SignaturesOf<ServiceOf<Name>> & LayersOf<(typeof Main)[Name]>
}

type IsSame<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false

/** The members that differ, with the actual and the expected type. */
type Differences<Is, Wanted> = {
  [
    Name in keyof Is | keyof Wanted as Name extends keyof Is & keyof Wanted
      ? IsSame<Is[Name], Wanted[Name]> extends true
        ? never
        : Name
      : Name
  ]: {
    is: Name extends keyof Is ? Is[Name] : "missing"
    expected: Name extends keyof Wanted ? Wanted[Name] : "missing"
  }
}

type Store = "PluginStoreError"
type Lock = "CacheLockError"
type Catalog = "NotSignedIn" | "CodexHomeError" | "RemoteCatalogError"
type CheckOut = "InvalidRemotePlugin" | "RemoteBundleError"
type Install = CheckOut | Store | Lock | "UnsupportedSchemaVersion"

type Platform = FileSystem.FileSystem | Path.Path
type Http = HttpClient.HttpClient
type Home = Main.CodexHome.CodexHome
type Locks = Main.CacheLock.CacheLock
type Cache = Main.PluginStore.PluginStore
type Account = Main.RemoteCatalog.RemoteCatalog
type Bundles = Main.RemoteBundle.RemoteBundle

/** A generic method adds the errors and requirements of its argument. */
type Generic = [error: unknown, needs: unknown]

interface Expected {
  BundleArchive: {
    extract: Generic
    layer: [never, Platform]
    layerWith: [never, Platform]
  }
  CacheLock: {
    hold: Generic
    isHeld: [never, never]
    layer: [never, Platform | Home]
    layerWith: [never, Platform | Home]
    layerInProcess: [never, never]
  }
  CodexHome: {
    settings: ["CodexHomeError", never]
    credentials: ["NotSignedIn", never]
    layer: ["CodexHomeError" | "ConfigError", Platform]
    layerAt: ["CodexHomeError", Platform]
  }
  CodexRefresh: {
    refresh: ["CodexRefreshError", never]
    layer: [never, Platform | Home | ChildProcessSpawner.ChildProcessSpawner]
    layerWith: [never, Platform | Home | ChildProcessSpawner.ChildProcessSpawner]
  }
  Credentials: {
    current: ["NotSignedIn", never]
    changes: [never, never]
    layer: [never, Home]
    layerWith: [never, never]
  }
  PluginDoctor: {
    examine: [Store | Lock, never]
    layer: [never, Platform | Home | Locks | Cache | Account | Main.PluginInventory.PluginInventory]
  }
  PluginIdentity: {
    of: [Store, never]
    all: [Store, never]
    layer: [never, Cache | Account]
  }
  PluginInstaller: {
    read: [Catalog | Store | "InvalidRemotePlugin", never]
    install: [Catalog | Install | "NotInstallable" | "PartialChange", never]
    uninstall: [Catalog | Store | Lock | "InvalidRemotePlugin" | "PartialChange", never]
    layer: [never, Account | Bundles | Cache]
  }
  PluginInventory: {
    of: [Store, never]
    all: [Store, never]
    layer: [never, Platform | Cache | Account]
  }
  PluginSearch: {
    search: [Catalog, never]
    layer: [never, Account]
  }
  PluginSeed: {
    seed: [Store | "PluginSeedError", never]
    layer: [never, Platform | Home | Cache]
  }
  PluginStore: {
    list: [Store, never]
    snapshot: [Store, never]
    read: [Store, never]
    activeVersion: [Store, never]
    remotePluginId: [Store | "UnsupportedSchemaVersion" | "CorruptInstallMetadata", never]
    writeIdentity: [Store | Lock | "UnsupportedSchemaVersion", never]
    clearIdentity: [Store | Lock, never]
    claimed: Generic
    installStaged: Generic
    install: [Store | Lock | "InvalidManifest", never]
    uninstall: [Store | Lock, never]
    remove: [Store | Lock, never]
    prune: [Store | Lock, never]
    lease: [Store | Lock, Scope.Scope]
    leased: [Store, never]
    ensureUnleased: [Store, never]
    sweep: [Store | Lock, never]
    hasLeftovers: [Store, never]
    layer: [never, Platform | Home | Locks]
  }
  PluginSync: {
    plan: [Catalog | Store | Lock, never]
    sync: [Catalog | Store | Lock, never]
    ensureReady: [Store | "CodexHomeError", never]
    background: [never, Scope.Scope]
    events: [never, never]
    layer: [never, Account | Bundles | Cache | Locks | Home]
    layerWith: [never, Account | Bundles | Cache | Locks | Home]
  }
  PluginVerifier: {
    verify: [Catalog | Store, never]
    layer: [never, Platform | Home | Cache | Account | Bundles]
  }
  RemoteBundle: {
    install: [Install, never]
    checkOut: [CheckOut, never]
    layer: [never, Http | Platform | Cache | Main.BundleArchive.BundleArchive]
    layerWith: [never, Http | Platform | Cache | Main.BundleArchive.BundleArchive]
  }
  RemoteCatalog: {
    installed: [Catalog, never]
    current: [never, never]
    available: [Catalog, never]
    featured: [Catalog, never]
    read: [Catalog | "InvalidRemotePlugin", never]
    install: [Catalog, never]
    uninstall: [Catalog, never]
    layer: [never, Http | Home]
    layerWith: [never, Http | Home]
  }
}

interface AllServices {
  layer: ["CodexHomeError" | "ConfigError", Platform | Http]
  layerWith: ["CodexHomeError" | "ConfigError", Platform | Http]
  layerAt: ["CodexHomeError", Platform | Http]
  layerServices: [never, Platform | Http | Home | Locks]
  layerServicesWith: [never, Platform | Http | Home | Locks]
}

/** The differences of all services. The type check fails if there are any. */
type AllDifferences = {
  [
    Name in ServiceName as keyof Differences<Actual[Name], Expected[Name]> extends never
      ? never
      : Name
  ]: Differences<Actual[Name], Expected[Name]>
}

/** The error and requirement of a caller of a generic method. */
declare const input: Effect.Effect<string, "its error", "its need">
declare const bytes: Stream.Stream<Uint8Array, "its error", "its need">

describe("the errors and requirements of the package", () => {
  it("are listed for every service", () => {
    expectTypeOf<keyof Expected>().toEqualTypeOf<ServiceName>()
  })

  it("are as listed for each service and its layers", () => {
    expectTypeOf<AllDifferences>().toEqualTypeOf<{}>()
  })

  it("are those of the argument and the service if a method is generic", () => {
    const hold = (lock: Main.CacheLock.CacheLock["Service"]) => lock.hold(input)
    expectTypeOf<ReturnType<typeof hold>>().toEqualTypeOf<
      Effect.Effect<string, "its error" | Main.CacheLock.CacheLockError, "its need">
    >()
    const extract = (archive: Main.BundleArchive.BundleArchive["Service"]) =>
      archive.extract(bytes, "")
    expectTypeOf<Effect.Error<ReturnType<typeof extract>>>().toEqualTypeOf<
      "its error" | Main.BundleArchive.BundleArchiveError | PlatformError.PlatformError
    >()
    expectTypeOf<Effect.Services<ReturnType<typeof extract>>>().toEqualTypeOf<"its need">()
    const stage = (
      store: Main.PluginStore.PluginStore["Service"],
      staged: Effect.Effect<Main.PluginStore.StagedPlugin, "its error", "its need">
    ) => store.installStaged(() => staged)
    expectTypeOf<SignatureOf<typeof stage>>().toEqualTypeOf<
      ["its error" | Store | Lock | "UnsupportedSchemaVersion", "its need"]
    >()
  })

  it("are a platform and a usable home for all services together", () => {
    expectTypeOf<Differences<LayersOf<typeof Main.CodexPlugins>, AllServices>>().toEqualTypeOf<{}>()
    expectTypeOf<SignatureOf<typeof Node.layerAt>[1]>().toBeNever()
    expectTypeOf<SignatureOf<typeof Node.layerWith>[1]>().toBeNever()
    expectTypeOf<SignatureOf<typeof Node.layer>[1]>().toBeNever()
    expectTypeOf<typeof Node.layerPlatform>().toEqualTypeOf<Layer.Layer<Platform>>()
    expectTypeOf<Layer.Error<typeof Node.layer>>().toEqualTypeOf<
      Main.CodexHome.CodexHomeError | Config.ConfigError | Node.CertificateFileError
    >()
    expectTypeOf<SignatureOf<typeof Testing.TestCodexPlugins.layerWith>[1]>().toBeNever()
  })
})
