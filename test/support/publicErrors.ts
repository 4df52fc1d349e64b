/**
 * Every error that the package exports, with every reason that it can have. The compiler rejects this
 * module if an error or a reason is missing.
 */
import { DateTime, Duration, Option } from "effect"
import type * as Main from "effect-codex-plugins"
import type * as Node from "effect-codex-plugins/node"
import { BundleArchiveError } from "../../src/BundleArchive.ts"
import { CacheLockError } from "../../src/CacheLock.ts"
import { CodexHomeError, NotSignedIn } from "../../src/CodexHome.ts"
import { CodexRefreshError } from "../../src/CodexRefresh.ts"
import { CorruptInstallMetadata, UnsupportedSchemaVersion } from "../../src/InstallMetadata.ts"
import { CertificateFileError } from "../../src/internal/certificateFile.ts"
import { NotInstallable, PartialChange } from "../../src/PluginInstaller.ts"
import { InvalidManifest } from "../../src/PluginManifest.ts"
import { PluginSeedError } from "../../src/PluginSeed.ts"
import { PluginStoreError } from "../../src/PluginStore.ts"
import { PluginVersion } from "../../src/PluginVersion.ts"
import { RemoteBundleError } from "../../src/RemoteBundle.ts"
import { RemoteCatalogError } from "../../src/RemoteCatalog.ts"
import { InvalidRemotePlugin } from "../../src/RemotePlugin.ts"
import { platformError } from "../../src/testing/internal/errno.ts"
import { pluginId } from "./pluginWorld.ts"

type InstanceOf<T> = T extends abstract new (...args: never) => infer Instance ? Instance : never
type ErrorIn<Module> = {
  [Name in keyof Module]: Extract<InstanceOf<Module[Name]>, Error & { readonly _tag: string }>
}[keyof Module]

/** An error that the package exports. */
export type PublicError =
  | { [Name in keyof typeof Main]: ErrorIn<(typeof Main)[Name]> }[keyof typeof Main]
  | ErrorIn<typeof Node>

/** The name of an error's case: of its reason, or of the half of a change that was done. */
type CaseOf<E> = E extends { readonly reason: { readonly _tag: infer Tag extends string } }
  ? Tag
  : E extends { readonly reason: infer Reason extends string }
    ? Reason
    : E extends { readonly done: infer Done extends string }
      ? Done
      : "Only"

/** One value for each case of each error. */
export type PerCase<A> = {
  readonly [E in PublicError as E["_tag"]]: { readonly [Case in CaseOf<E>]: A }
}

/** Reasons without their tags, which are the keys. */
type Fields<Reason> = Reason extends { readonly _tag: infer Tag extends string }
  ? { readonly [Key in Tag]: Omit<Reason, "_tag"> }
  : never
type Intersection<Union> = (Union extends unknown ? (_: Union) => void : never) extends (
  _: infer All
) => void
  ? All
  : never

const byReason = <Reason extends { readonly _tag: string }, E>(
  make: (reason: Reason) => E,
  fields: Intersection<Fields<Reason>>
): { readonly [Tag in Reason["_tag"]]: E } =>
  Object.fromEntries(
    Object.entries(fields as Record<string, object>).map(([_tag, rest]) => [
      _tag,
      make({ _tag, ...rest } as unknown as Reason)
    ])
  ) as { readonly [Tag in Reason["_tag"]]: E }

const byName = <Reason extends string, E>(
  make: (reason: Reason) => E,
  names: { readonly [Name in Reason]: null }
): { readonly [Name in Reason]: E } =>
  Object.fromEntries(Object.keys(names).map((name) => [name, make(name as Reason)])) as {
    readonly [Name in Reason]: E
  }

const path = "/home/tester/.codex/file"
const alpha = { remotePluginId: "plugins~Plugin_alpha", pluginId: pluginId("alpha") }
const proxy = "http://proxy.test"
const refusal = platformError({ code: "EACCES", method: "open", pathOrDescriptor: path })

/** The failures of a request that no answer says more about. */
const http = {
  Unreachable: { code: "ECONNRESET" },
  UntrustedServer: { code: "CERT_HAS_EXPIRED" },
  ProxyUnreachable: { proxy, code: "ECONNREFUSED" },
  ProxyAuthenticationRequired: { proxy },
  ProxyRefused: { proxy, status: 403 },
  UnsupportedProxy: { proxy },
  Challenged: { status: 403 },
  Unavailable: { status: 503, retryAfter: null }
}

const archiveErrors = byReason(
  (reason: BundleArchiveError["reason"]) => new BundleArchiveError({ reason }),
  {
    NotGzip: {},
    CorruptGzip: {},
    ChecksumMismatch: {},
    Truncated: {},
    TrailingData: {},
    MalformedTar: { detail: "a header has no checksum" },
    LinkEntry: { path: "link" },
    UnsupportedEntry: { path: "fifo", type: "FIFO" },
    LimitExceeded: { limit: "PackedBytes", most: 10 },
    EntryOutside: { path: "../x" },
    UnsafeName: { path: "a\\b", problem: "Backslash" },
    DuplicatePath: { path: "twice" },
    CollidingPath: { path: "a", other: "A" },
    EntryBelowFile: { path: "file/x", file: "file" }
  }
)

const manifestErrors = byReason(
  (reason: InvalidManifest["reason"]) => new InvalidManifest({ path, reason }),
  {
    Missing: {},
    TooLarge: { most: 1_048_576 },
    NotJson: {},
    NotManifest: { at: "name" },
    NameMismatch: { expected: "alpha", found: "beta" },
    InvalidVersion: { version: ".." }
  }
)

const catalogErrors = byReason(
  (reason: RemoteCatalogError["reason"]) =>
    new RemoteCatalogError({
      operation: "installed",
      remotePluginId: null,
      baseUrl: "https://backend.test",
      reason
    }),
  {
    ...http,
    UnaddressableId: {},
    TimedOut: {},
    Unauthorized: {},
    Forbidden: {},
    NotFound: {},
    Redirected: { status: 302 },
    Rejected: { status: 418 },
    TooLarge: {},
    MalformedAnswer: {},
    RepeatedCursor: {},
    TooManyPages: {},
    UnexpectedAnswer: { at: "id" }
  }
)

const homeErrors = byReason(
  (reason: CodexHomeError["reason"]) => new CodexHomeError({ path, reason }),
  {
    NoHomeDirectory: {},
    Missing: {},
    NoWorkingFolder: {},
    NotAFolder: {},
    Inaccessible: {},
    NotASmallFile: {},
    NotToml: { line: 3 },
    InvalidSetting: { key: "chatgpt_base_url", expected: "a URL" }
  }
)

/** One error of each case. */
export const publicErrors: {
  readonly [E in PublicError as E["_tag"]]: { readonly [Case in CaseOf<E>]: E }
} = {
  BundleArchiveError: archiveErrors,
  CacheLockError: byReason(
    (reason: CacheLockError["reason"]) => new CacheLockError({ path, reason }),
    {
      TimedOut: {
        waited: Duration.minutes(2),
        holder: { pid: 7, since: Option.getOrThrow(DateTime.make("2026-01-01T00:00:00Z")) }
      },
      Unavailable: {
        cause: platformError({
          code: "EROFS",
          method: "makeDirectory",
          pathOrDescriptor: "/plugins"
        })
      },
      Corrupt: { cause: new Error("file is not a database") }
    }
  ),
  CertificateFileError: byReason(
    (reason: CertificateFileError["reason"]) =>
      new CertificateFileError({ variable: "SSL_CERT_FILE", path, reason }),
    {
      Missing: {},
      NotAFile: {},
      Inaccessible: { code: "EACCES" },
      TooLarge: { limit: 8 },
      NoCertificate: {},
      InvalidCertificate: { position: 1 }
    }
  ),
  CodexHomeError: homeErrors,
  CodexRefreshError: byReason(
    (reason: CodexRefreshError["reason"]) => new CodexRefreshError({ program: "codex", reason }),
    { NotStarted: {}, Ended: {}, TimedOut: {}, Refused: { code: -32_600 } }
  ),
  CorruptInstallMetadata: byName(
    (reason: CorruptInstallMetadata["reason"]) =>
      new CorruptInstallMetadata({ path, pluginId: alpha.pluginId, reason }),
    {
      NotAFile: null,
      Inaccessible: null,
      NotJson: null,
      NotInstallMetadata: null,
      BlankRemotePluginId: null
    }
  ),
  InvalidManifest: manifestErrors,
  InvalidRemotePlugin: byReason(
    (reason: InvalidRemotePlugin["reason"]) => new InvalidRemotePlugin({ ...alpha, reason }),
    {
      MalformedRow: { at: "release" },
      InvalidName: { name: ".." },
      UnknownScope: { scope: "X" },
      MissingDiscoverability: {},
      UnknownDiscoverability: { discoverability: "X" },
      DuplicatePlugin: { kept: "plugins~Plugin_beta" },
      CaseConflict: { other: "ALPHA@openai-curated-remote" },
      MissingVersion: {},
      InvalidVersion: { version: ".." },
      MissingBundleUrl: {}
    }
  ),
  NotInstallable: byName(
    (reason: NotInstallable["reason"]) => new NotInstallable({ ...alpha, reason }),
    { NotAvailable: null, DisabledByAdmin: null }
  ),
  NotSignedIn: byName((reason: NotSignedIn["reason"]) => new NotSignedIn({ path, reason }), {
    NoCredentials: null,
    KeyringCredentials: null,
    ApiKeyAlone: null,
    UnsupportedMode: null,
    UnreadableCredentials: null,
    TokenExpired: null
  }),
  PartialChange: byName(
    (done: PartialChange["done"]) =>
      new PartialChange({ ...alpha, done, cause: catalogErrors.Forbidden }),
    { Cached: null, TakenOffRecord: null }
  ),
  PluginSeedError: byReason(
    (reason: PluginSeedError["reason"]) => new PluginSeedError({ from: "/seed", reason }),
    { SameCache: {}, Unusable: { cause: homeErrors.Missing }, Unreadable: { cause: refusal } }
  ),
  PluginStoreError: byReason(
    (reason: PluginStoreError["reason"]) =>
      new PluginStoreError({ operation: "install", ...alpha, reason }),
    {
      NotInstalled: {},
      Leased: { version: PluginVersion.make("1.0.0") },
      Claimed: { pid: 7, silentFor: null },
      Changed: {},
      Obstructed: { path, found: "SymbolicLink" },
      Held: { path, cause: refusal },
      FileSystem: { path, cause: refusal }
    }
  ),
  RemoteBundleError: byReason(
    (reason: RemoteBundleError["reason"]) =>
      new RemoteBundleError({ ...alpha, url: "https://bundles.test/alpha", reason }),
    {
      ...http,
      UnsafeUrl: { url: "http://bundles.test/alpha", problem: "NotHttps" },
      TooManyRedirects: {},
      Expired: { status: 403 },
      Rejected: { status: 418 },
      TooLarge: { bytes: 2, most: 1 },
      WrongLength: { announced: 7 },
      Stalled: {},
      TooSlow: {},
      InvalidArchive: { cause: archiveErrors.NotGzip },
      InvalidManifest: { cause: manifestErrors.NotJson },
      FileSystem: { cause: refusal }
    }
  ),
  RemoteCatalogError: catalogErrors,
  UnsupportedSchemaVersion: {
    Only: new UnsupportedSchemaVersion({
      path,
      pluginId: alpha.pluginId,
      found: 2,
      supported: 1
    })
  }
}
