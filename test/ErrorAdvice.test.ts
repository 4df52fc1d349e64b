import { assert, describe, it } from "@effect/vitest"
import { Exit } from "effect"
import * as Main from "effect-codex-plugins"
import * as Node from "effect-codex-plugins/node"
import { codeOf } from "../src/cli/exit.ts"
import { isSignInNeeded, isTransient } from "../src/ErrorAdvice.ts"
import { NotSignedIn } from "../src/CodexHome.ts"
import { PartialChange } from "../src/PluginInstaller.ts"
import { RemoteBundleError } from "../src/RemoteBundle.ts"
import { type PerCase, type PublicError, publicErrors } from "./support/publicErrors.ts"
import { pluginId } from "./support/pluginWorld.ts"

type Advice = "sign in" | "try later" | "neither"

const http = {
  Unreachable: "try later",
  UntrustedServer: "neither",
  ProxyUnreachable: "try later",
  ProxyAuthenticationRequired: "neither",
  ProxyRefused: "neither",
  UnsupportedProxy: "neither",
  Challenged: "try later",
  Unavailable: "try later"
} as const

/** The advice on every error. The compiler rejects a table without one of them. */
const advice: PerCase<Advice> = {
  BundleArchiveError: {
    NotGzip: "neither",
    CorruptGzip: "try later",
    ChecksumMismatch: "try later",
    Truncated: "try later",
    TrailingData: "neither",
    MalformedTar: "neither",
    LinkEntry: "neither",
    UnsupportedEntry: "neither",
    LimitExceeded: "neither",
    EntryOutside: "neither",
    UnsafeName: "neither",
    DuplicatePath: "neither",
    CollidingPath: "neither",
    EntryBelowFile: "neither"
  },
  CacheLockError: { TimedOut: "try later", Unavailable: "neither", Corrupt: "neither" },
  CertificateFileError: {
    Missing: "neither",
    NotAFile: "neither",
    Inaccessible: "neither",
    TooLarge: "neither",
    NoCertificate: "neither",
    InvalidCertificate: "neither"
  },
  CodexHomeError: {
    NoHomeDirectory: "neither",
    Missing: "neither",
    NoWorkingFolder: "neither",
    NotAFolder: "neither",
    Inaccessible: "neither",
    NotASmallFile: "neither",
    NotToml: "neither",
    InvalidSetting: "neither"
  },
  CodexRefreshError: {
    NotStarted: "neither",
    Ended: "sign in",
    TimedOut: "try later",
    Refused: "sign in"
  },
  CorruptInstallMetadata: {
    NotAFile: "neither",
    Inaccessible: "neither",
    NotJson: "neither",
    NotInstallMetadata: "neither",
    BlankRemotePluginId: "neither"
  },
  InvalidManifest: {
    Missing: "neither",
    TooLarge: "neither",
    NotJson: "neither",
    NotManifest: "neither",
    NameMismatch: "neither",
    InvalidVersion: "neither"
  },
  InvalidRemotePlugin: {
    MalformedRow: "neither",
    InvalidName: "neither",
    UnknownScope: "neither",
    MissingDiscoverability: "neither",
    UnknownDiscoverability: "neither",
    DuplicatePlugin: "neither",
    CaseConflict: "neither",
    MissingVersion: "neither",
    InvalidVersion: "neither",
    MissingBundleUrl: "neither"
  },
  NotInstallable: { NotAvailable: "neither", DisabledByAdmin: "neither" },
  NotSignedIn: {
    NoCredentials: "sign in",
    KeyringCredentials: "sign in",
    ApiKeyAlone: "sign in",
    UnsupportedMode: "sign in",
    UnreadableCredentials: "sign in",
    TokenExpired: "sign in"
  },
  PartialChange: { Cached: "neither", TakenOffRecord: "neither" },
  PluginSeedError: { SameCache: "neither", Unusable: "neither", Unreadable: "neither" },
  PluginStoreError: {
    NotInstalled: "neither",
    Leased: "try later",
    Claimed: "try later",
    Changed: "try later",
    Obstructed: "neither",
    Held: "try later",
    FileSystem: "neither"
  },
  RemoteBundleError: {
    ...http,
    UnsafeUrl: "neither",
    TooManyRedirects: "neither",
    Expired: "try later",
    Rejected: "neither",
    TooLarge: "neither",
    WrongLength: "try later",
    Stalled: "try later",
    TooSlow: "try later",
    InvalidArchive: "neither",
    InvalidManifest: "neither",
    FileSystem: "neither"
  },
  RemoteCatalogError: {
    ...http,
    UnaddressableId: "neither",
    TimedOut: "try later",
    Unauthorized: "sign in",
    Forbidden: "neither",
    NotFound: "neither",
    Redirected: "neither",
    Rejected: "neither",
    TooLarge: "neither",
    MalformedAnswer: "neither",
    RepeatedCursor: "neither",
    TooManyPages: "neither",
    UnexpectedAnswer: "neither"
  },
  UnsupportedSchemaVersion: { Only: "neither" }
}

const adviceOn = (error: unknown): Advice => {
  if (isSignInNeeded(error)) return isTransient(error) ? assert.fail("both") : "sign in"
  return isTransient(error) ? "try later" : "neither"
}

/** The exported classes of errors, by name. */
const exported = [...Object.values(Main), Node]
  .flatMap((module) => Object.values<unknown>({ ...module }))
  .filter((value) => typeof value === "function" && value.prototype instanceof Error)
  .map((error) => (error as { readonly identifier?: string; readonly name: string }).name)

describe("ErrorAdvice", () => {
  it("knows every error that the package exports", () => {
    assert.isNotEmpty(exported)
    assert.deepStrictEqual([...new Set(exported)].toSorted(), Object.keys(publicErrors).toSorted())
  })

  it.each(
    Object.entries(advice).flatMap(([tag, cases]) =>
      Object.entries(cases).map(([name, expected]) => ({ tag, name, expected }))
    )
  )("advises on $tag, $name: $expected", ({ expected, name, tag }) => {
    const errors: Readonly<Record<string, Readonly<Record<string, PublicError>>>> = publicErrors
    const error = errors[tag]?.[name]
    assert.strictEqual(error?._tag, tag)
    assert.strictEqual(adviceOn(error), expected)
  })

  it.each(
    Object.entries(publicErrors).flatMap(([tag, errors]) =>
      Object.entries<PublicError>(errors).map(([name, error]) => ({ tag, name, error }))
    )
  )("decides on the exit code of the program: $tag, $name", ({ error }) => {
    const code = { "sign in": 4, "try later": 5, neither: 1 }[adviceOn(error)]
    assert.strictEqual(codeOf(Exit.fail(error)), code)
  })

  const alpha = { remotePluginId: "plugins~Plugin_alpha", pluginId: pluginId("alpha") }
  const partial = (cause: PartialChange["cause"]) =>
    new PartialChange({ ...alpha, done: "Cached", cause })

  it("advises on a change that was cut short as on its cause", () => {
    const { CacheLockError, RemoteCatalogError } = publicErrors
    const signedOut = new NotSignedIn({ path: "/auth.json", reason: "NoCredentials" })
    assert.strictEqual(adviceOn(partial(signedOut)), "sign in")
    assert.strictEqual(adviceOn(partial(RemoteCatalogError.Unauthorized)), "sign in")
    assert.strictEqual(adviceOn(partial(CacheLockError.TimedOut)), "try later")
  })

  it.each(
    Object.keys(publicErrors.BundleArchiveError) as ReadonlyArray<
      keyof PerCase<Advice>["BundleArchiveError"]
    >
  )("advises on a bundle as on its archive: %s", (reason) => {
    const cause = publicErrors.BundleArchiveError[reason]
    const error = new RemoteBundleError({
      ...alpha,
      url: null,
      reason: { _tag: "InvalidArchive", cause }
    })
    assert.strictEqual(adviceOn(error), adviceOn(cause))
  })

  it.each([new Error("no"), null, undefined, { _tag: "RemoteCatalogError2" }])(
    "advises on nothing of another package: %s",
    (error) => {
      assert.strictEqual(adviceOn(error), "neither")
    }
  )
})
