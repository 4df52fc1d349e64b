/**
 * The name of a cached version's folder, the order of such names, and the choice of the active
 * version.
 */
import { Array as Arr, Option, Order, Schema } from "effect"
import { provenanceName, sidecarName } from "./internal/fileNames.ts"
import * as WhiteSpace from "./internal/whiteSpace.ts"

const reservedNames: ReadonlySet<string> = new Set([sidecarName, provenanceName])

/**
 * A version: ASCII letters, digits, `-`, `_`, `.` and `+`. Not empty, not `.` or `..`, and not the
 * name of a file that is stored next to the versions.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PluginVersion = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9._+-]+$/, {
    expected: "a version of ASCII letters, digits, `-`, `_`, `.`, `+`"
  }),
  Schema.makeFilter((version) => version !== "." && version !== "..", {
    expected: "a version that is neither `.` nor `..`"
  }),
  // A disk may ignore case.
  Schema.makeFilter((version) => !reservedNames.has(version.toLowerCase()), {
    expected: "a version without the name of a file beside the versions"
  })
).pipe(Schema.brand("effect-codex-plugins/PluginVersion"))
/**
 * A version, which is also the name of its folder.
 *
 * @category models
 * @since 0.1.0
 */
export type PluginVersion = typeof PluginVersion.Type

/**
 * As {@link PluginVersion}, but surrounding white space is removed first, as Codex does with the
 * backend's versions.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PluginVersionFromUntrimmed = WhiteSpace.Trim.pipe(Schema.decodeTo(PluginVersion))

/**
 * The version of a local install whose manifest has no version. It is always the active one.
 *
 * @category constants
 * @since 0.1.0
 */
export const local = "local" as PluginVersion

/** A version's parts according to SemVer. Numbers are kept as text. */
interface SemVer {
  readonly core: ReadonlyArray<bigint>
  readonly prerelease: ReadonlyArray<string>
  readonly build: ReadonlyArray<string>
}

const semVerPattern =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*))?(?:\+([\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*))?$/

/**
 * The greatest major, minor or patch. Source: the `semver` crate, with which Codex reads versions.
 */
const maxComponent = 2n ** 64n - 1n

const identifiersOf = (dotted: string | undefined): ReadonlyArray<string> =>
  dotted?.split(".") ?? []

const isNumber = (identifier: string): boolean => /^\d+$/.test(identifier)

/**
 * `effect/SemVer` rejects numbers above 2^53, such as a timestamp in a pre-release; Codex does not.
 */
const parse = (version: PluginVersion): Option.Option<SemVer> => {
  const [, major, minor, patch, prerelease, build] = semVerPattern.exec(version) ?? []
  if (major === undefined || minor === undefined || patch === undefined) return Option.none()
  const semVer = {
    core: [major, minor, patch].map(BigInt),
    prerelease: identifiersOf(prerelease),
    build: identifiersOf(build)
  }
  return semVer.core.some((component) => component > maxComponent) ||
    semVer.prerelease.some((identifier) => /^0\d+$/.test(identifier))
    ? Option.none()
    : Option.some(semVer)
}

/**
 * Orders numbers by value, then by leading zeros, which only build metadata may have. Numbers are
 * below words.
 */
const identifierOrder: Order.Order<string> = Order.make((self, that) => {
  const [selfIsNumber, thatIsNumber] = [isNumber(self), isNumber(that)]
  if (selfIsNumber !== thatIsNumber) return selfIsNumber ? -1 : 1
  return selfIsNumber
    ? Order.BigInt(BigInt(self), BigInt(that)) || Order.Number(self.length, that.length)
    : Order.String(self, that)
})

const identifiersOrder = Order.Array(identifierOrder)

/** SemVer's precedence ignores build metadata; Codex compares it last. */
const semVerOrder: Order.Order<SemVer> = Order.combineAll([
  Order.mapInput(Order.Array(Order.BigInt), ({ core }) => core),
  // A release is above its own pre-releases.
  Order.mapInput(Order.Boolean, ({ prerelease }) => prerelease.length === 0),
  Order.mapInput(identifiersOrder, ({ prerelease }) => prerelease),
  Order.mapInput(identifiersOrder, ({ build }) => build)
])

/**
 * Compares by SemVer if both are SemVer, else as plain strings. This is not a total order
 * (`10.0.0` > `9.0.0` > `5x` > `10.0.0`), so use {@link active} to choose among several.
 *
 * @category functions
 * @since 0.1.0
 */
export const compare = (self: PluginVersion, that: PluginVersion): -1 | 0 | 1 => {
  const [left, right] = [parse(self), parse(that)]
  return Option.isSome(left) && Option.isSome(right)
    ? semVerOrder(left.value, right.value)
    : Order.String(self, that)
}

/**
 * The version that readers use: `local` if it exists, else the greatest.
 *
 * @category functions
 * @since 0.1.0
 */
export const active = (versions: Iterable<PluginVersion>): Option.Option<PluginVersion> => {
  const sorted = Arr.sort(versions, Order.String)
  if (sorted.length === 1) return Option.some(sorted[0]!)
  return sorted.includes(local)
    ? Option.some(local)
    : Arr.last(Arr.sort(sorted, Order.make(compare)))
}

/**
 * True if `self` may be the active version although `that` exists, too. A version that no other
 * outranks is active, and stays active whichever of the others are removed.
 *
 * @category functions
 * @since 0.1.0
 */
export const outranks = (self: PluginVersion, that: PluginVersion): boolean =>
  that !== local && (self === local || compare(self, that) > 0)
